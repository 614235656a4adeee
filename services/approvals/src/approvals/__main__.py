import sys

from chassis.process import main

from approvals.app import make_app
from approvals.settings import ApprovalsSettings

if __name__ == "__main__":
    main(make_app, ApprovalsSettings, sys.argv[1:])
