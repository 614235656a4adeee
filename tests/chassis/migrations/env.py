"""The migrations of the counter, the service that the chassis is tested with."""

import sqlalchemy as sa
from chassis.migration import run_environment

run_environment(sa.MetaData())
