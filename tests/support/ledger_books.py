"""A household to keep books for: Test I of domain.md 4, two people with a home, a recharge and a debt of an earlier home.

The main account is 140.00 in credit by receipts that have cleared, and neighbours stand beside it.
"""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.transaction import Runtime, run
from ledger.domain.calendar import monday_of
from ledger.domain.dates import business_date
from ledger.domain.payer import fingerprint
from ledger.use_cases.open_estate import open_estate

PAYER_KEY = bytes(range(32))
MAIN, RECHARGE, FTA, NEIGHBOUR, CLOSED = (UUID(int=number) for number in range(1, 6))
HOME, EARLIER_HOME, NEXT_DOOR = (UUID(int=number) for number in range(11, 14))
ADA, BEN, CY = (UUID(int=number) for number in range(21, 24))
MAIN_REFERENCE, NEIGHBOUR_REFERENCE, CLOSED_REFERENCE = "97000023E", "90000001E", "90014921C"
UNKNOWN_REFERENCE = "90017993G"
LONG_AGO = date(2020, 4, 6)
LAST_MONTH = business_date(datetime.now(UTC)) - timedelta(days=30)
OPENED_ON = LAST_MONTH - timedelta(days=1)
LAST_WEEK = monday_of(business_date(datetime.now(UTC))) - timedelta(weeks=1)
WEEK_BEFORE = LAST_WEEK - timedelta(weeks=1)


def _account(id_: UUID, reference: str, kind: str, tenancy: UUID, opening: int, **more: Any) -> dict[str, Any]:
    line = {"record": "account", "id": str(id_), "reference": reference, "kind": kind, "status": "CURRENT", "tenancy": str(tenancy)}
    balance = {"on": str(OPENED_ON), "balance_pence": opening}
    return {**line, "rent_group": "ALL52", **({"opening": balance} if opening else {}), **more}


def _tenancy(id_: UUID, home: int, people: list[UUID], **more: Any) -> dict[str, Any]:
    tenants = [{"person": str(person), "joint": number > 0} for number, person in enumerate(people)]
    return {"record": "tenancy", "id": str(id_), "property": str(UUID(int=home)), "started_on": str(LONG_AGO), "tenants": tenants, **more}


def _home(id_: int, address: str) -> dict[str, Any]:
    return {"record": "property", "id": str(UUID(int=id_)), "reference": f"P{id_}", "address": address, "postcode": "AL8 6AA"}


RENT = [
    {"element": "Basic rent", "amount_pence": 110_00, "from": str(LONG_AGO)},
    {"element": "Heating", "amount_pence": 10_00, "from": str(LONG_AGO)},
]

HOUSEHOLD: list[dict[str, Any]] = [
    {"record": "estate", "name": "a household"},
    _home(31, "12 Elm Rise, Welwyn"),
    _home(32, "3 Oak Way, Hatfield"),
    _home(33, "14 Elm Rise, Welwyn"),
    {"record": "person", "id": str(ADA), "name": "Ada Okafor"},
    {"record": "person", "id": str(BEN), "name": "Ben Łuczak"},
    {"record": "person", "id": str(CY), "name": "Cy 100% Ng"},
    _tenancy(HOME, 31, [ADA, BEN]),
    _tenancy(EARLIER_HOME, 32, [ADA, BEN], ended_on=str(LAST_MONTH)),
    _tenancy(NEXT_DOOR, 33, [CY]),
    _account(MAIN, MAIN_REFERENCE, "RENT", HOME, 0, weekly_charges=RENT, pays_by_direct_debit=True),
    _account(RECHARGE, f"{MAIN_REFERENCE}-RC", "RECHARGE", HOME, 85_50),
    _account(FTA, "90012015K", "RENT", EARLIER_HOME, 120_00, status="FORMER"),
    _account(NEIGHBOUR, NEIGHBOUR_REFERENCE, "RENT", NEXT_DOOR, 30_00, weekly_charges=RENT[:1]),
    _account(CLOSED, CLOSED_REFERENCE, "GARAGE", NEXT_DOOR, 0, status="CLOSED"),
    {"record": "receipt", "account": str(MAIN), "code": "RSO", "amount_pence": 40_00, "effective_date": str(LAST_MONTH)},
    {
        "record": "receipt",
        "account": str(MAIN),
        "code": "RCO",
        "amount_pence": 100_00,
        "effective_date": str(LAST_MONTH),
        "actor": "grace.officer",
        "payer_account": "08999966374958",
    },
]


async def opened(runtime: Runtime, lines: list[dict[str, Any]]) -> None:
    """Open the ledger with these lines of an estate."""
    texts = [json.dumps(line).encode() for line in lines]
    sha256 = hashlib.sha256(b"\n".join(texts)).hexdigest()
    await run(runtime, lambda tx: open_estate(tx, lines=texts, sha256=sha256, payer_of=lambda account: fingerprint(PAYER_KEY, account)))
