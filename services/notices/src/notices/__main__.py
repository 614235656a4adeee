"""`python -m notices` runs the service."""

import sys

from chassis.process import main

from notices.app import make_app
from notices.settings import NoticesSettings

if __name__ == "__main__":
    main(make_app, NoticesSettings, sys.argv[1:])
