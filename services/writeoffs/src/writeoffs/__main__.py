"""`python -m writeoffs`: run the service; `migrate` and `parked` are for operators."""

import sys

from chassis.process import main

from writeoffs.app import make_app
from writeoffs.settings import WriteOffsSettings

if __name__ == "__main__":
    main(make_app, WriteOffsSettings, sys.argv[1:])
