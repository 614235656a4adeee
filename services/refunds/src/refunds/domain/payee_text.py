"""Payees' bank details as text: what the envelope holds, and what people may see of it."""

import json
from dataclasses import dataclass, field


@dataclass(frozen=True)
class BankDetails:
    """Name, sort code of six digits and account number of eight. It shows nothing of itself."""

    name: str = field(repr=False)
    sort_code: str = field(repr=False)
    account_number: str = field(repr=False)

    def as_bytes(self) -> bytes:
        return json.dumps([self.name, self.sort_code, self.account_number]).encode()

    @property
    def masked(self) -> str:
        """The last two digits of the sort code and the last four of the account number."""
        return f"••-••-{self.sort_code[-2:]} ••••{self.account_number[-4:]}"


def bank_details(content: bytes) -> BankDetails:
    """What `as_bytes` wrote."""
    name, sort_code, account_number = json.loads(content)
    return BankDetails(name, sort_code, account_number)
