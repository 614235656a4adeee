"""Who took part in another refund request of the same people that came to nothing: they decide and release none of theirs (decision 7).

Worked out once more and not asked of refunds, whose answer is what is examined.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rentbook_local.checking.books import Books

_REQUESTS = """
SELECT id, account, asked_at, requested_pence, status IN ('paid', 'offset') OR EXISTS (
  SELECT FROM payment_line AS line WHERE line.case_id = refund_case.id AND line.status IN ('paid', 'returned')
) AS was_paid
FROM refund_case WHERE asked_at IS NOT NULL
"""
_PARTS = "SELECT case_id, person, since FROM participant WHERE person NOT IN ('', 'system')"
_SAME_PEOPLE = """
SELECT DISTINCT mine.id AS account, other.id AS other FROM account AS mine
JOIN tenant AS me ON me.tenancy = mine.tenancy JOIN tenancy AS here ON here.id = me.tenancy
JOIN tenant AS same ON same.person = me.person JOIN tenancy AS there ON there.id = same.tenancy
JOIN account AS other ON other.tenancy = same.tenancy AND other.id <> mine.id
WHERE mine.id = ANY ($1::uuid[])
  AND (me.until IS NULL OR me.until >= here.ended_on) AND (same.until IS NULL OR same.until >= there.ended_on)
"""


@dataclass(frozen=True)
class Beside:
    """All requests, by case and by account; who took part in each, and since when; and which accounts are of the same people."""

    requests: Mapping[UUID, Any]
    of_account: Mapping[UUID, list[Any]]
    parts: Mapping[UUID, list[Any]]
    same_people: Mapping[UUID, set[UUID]]

    def people(self, case: UUID, moment: datetime) -> set[str]:
        """Who may not decide or release this case at a moment. What was ever paid or offset counts for nobody: it was decided."""
        mine = self.requests.get(case)
        if mine is None:
            return set()
        return self.people_on({mine["account"], *self.same_people.get(mine["account"], ())}, moment, case)

    def people_on(self, accounts: Iterable[UUID], moment: datetime, case: UUID | None = None) -> set[str]:
        """Who took part by then in a request on these accounts, other than this case, that came to nothing and was not over."""
        others = [one for account in accounts for one in self.of_account.get(account, ()) if one["id"] != case and not one["was_paid"]]
        told = ((one, part) for one in others for part in self.parts.get(one["id"], ()) if part["since"] <= moment)
        return {part["person"] for one, part in told if not self._over(one, part["since"], case, moment)}

    def _over(self, other: Any, since: datetime, case: UUID | None, moment: datetime) -> bool:
        """Whether as much, or all, was asked for later on that account, by the moment, and was paid."""
        paid = (one for one in self.of_account[other["account"]] if one["id"] != case and one["was_paid"])
        later = (one for one in paid if since < one["asked_at"] <= moment)
        return any(
            one["requested_pence"] is None or (other["requested_pence"] is not None and one["requested_pence"] >= other["requested_pence"])
            for one in later
        )


async def beside(books: Books) -> Beside:
    if "beside" not in books.kept:
        requests = {row["id"]: row for row in await books.refunds.fetch(_REQUESTS)}
        of_account, parts, same = defaultdict[UUID, list[Any]](list), defaultdict[UUID, list[Any]](list), defaultdict[UUID, set[UUID]](set)
        for row in requests.values():
            of_account[row["account"]].append(row)
        for row in await books.refunds.fetch(_PARTS):
            parts[row["case_id"]].append(row)
        for row in await books.ledger.fetch(_SAME_PEOPLE, list(of_account)):
            same[row["account"]].add(row["other"])
        books.kept["beside"] = Beside(requests, of_account, parts, same)
    found: Beside = books.kept["beside"]
    return found
