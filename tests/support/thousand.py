"""An estate of a thousand former tenants who owe the last ten weeks of a tenancy, for what is measured by the thousand."""

from datetime import date
from typing import Any
from uuid import UUID

from rentbook_contracts.ledger import LINES_IN_A_SCHEDULE

UNPAID_WEEKS = 10
WEEKLY_PENCE = 120_00
OWED_PENCE = UNPAID_WEEKS * WEEKLY_PENCE
ACCOUNTS = tuple(UUID(int=number) for number in range(1, LINES_IN_A_SCHEDULE + 1))


def estate(weeks: int = 52) -> list[dict[str, Any]]:
    """The lines of an estate file: so many weeks of history, of which all but the last ten were paid."""
    first = date(2020, 4, 6).toordinal()
    mondays = [str(date.fromordinal(first + 7 * week)) for week in range(weeks)]
    ended = str(date.fromordinal(first + 7 * weeks))
    weekly = [{"element": name, "amount_pence": pence, "from": mondays[0]} for name, pence in (("Basic rent", 110_00), ("Heating", 10_00))]
    home = {"property": str(UUID(int=1)), "started_on": mondays[0], "ended_on": ended}
    about = {"kind": "RENT", "status": "FORMER", "rent_group": "ALL52", "weekly_charges": weekly}
    paid = {"code": "RSO", "amount_pence": (weeks - UNPAID_WEEKS) * WEEKLY_PENCE, "effective_date": ended}
    return [
        {"record": "estate", "name": "a thousand"},
        {"record": "property", "id": str(UUID(int=1)), "reference": "P1", "address": "1 Elm Rise", "postcode": "AL8 6AA"},
        *({"record": "person", "id": str(id_), "name": f"Tenant {id_.int}"} for id_ in ACCOUNTS),
        *({"record": "tenancy", "id": str(id_), "tenants": [{"person": str(id_)}], **home} for id_ in ACCOUNTS),
        *({"record": "account", "id": str(id_), "reference": f"A{id_.int}", "tenancy": str(id_), **about} for id_ in ACCOUNTS),
        {"record": "debits", "weeks": mondays},
        *({"record": "receipt", "account": str(id_), **paid} for id_ in ACCOUNTS),
    ]
