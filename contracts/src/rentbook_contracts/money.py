"""Money and dates as they cross a border between services.

Money is a signed whole number of pence, GBP only (domain.md 10). On a rent account a debit is positive (the tenant owes more) and a
credit negative, so a balance above zero is arrears and below zero is credit (domain.md 0).
"""

from typing import Annotated

from pydantic import Field

_INT64 = 2**63

Pence = Annotated[int, Field(strict=True, ge=-_INT64, lt=_INT64)]
"""Signed pence: debit positive, credit negative."""

PositivePence = Annotated[int, Field(strict=True, gt=0, lt=_INT64)]
"""An amount that moves: more than nothing."""

NonNegativePence = Annotated[int, Field(strict=True, ge=0, lt=_INT64)]
"""An amount without a sign, nothing included."""
