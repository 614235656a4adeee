"""`python -m refunds`: run the service; `migrate` and `parked` are for operators."""

import sys

from chassis.process import main

from refunds.app import make_app
from refunds.settings import RefundsSettings

main(make_app, RefundsSettings, sys.argv[1:])
