"""Debts to write off, and the ledger's use cases about them.

OLD is a former tenant's debt of 280.00: four weeks of 120.00 in spring 2020, of which 200.00 was paid. The same person owes 50.00 for a
repair on RECHARGE. GARAGE is let to somebody without a dwelling, KEPT to a tenant of DWELLING. CREDIT is 25.00 that nobody claimed.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import sqlalchemy as sa
from chassis.peers import Caller
from chassis.transaction import Runtime
from ledger.domain.dates import business_date
from ledger.domain.debt import owed_by_element
from ledger.queries.debts import debts_for_write_off
from ledger.use_cases.note_not_carried_out import note_not_carried_out
from ledger.use_cases.note_recall import note_recall
from ledger.use_cases.note_write_off_decision import note_write_off_decision
from ledger.use_cases.post_write_off import post_write_off
from rentbook_contracts.approvals import Answer, ApprovedLine, Deciders, DecisionNotCarriedOut, DecisionRecalled, WriteOffDecided
from rentbook_contracts.ledger import ChargeOwed, DebtFacts, DebtsAsked, LineKind, LineOutcome, LinePart, PostWriteOff, WriteOffLine
from rentbook_contracts.writeoffs import LinesHandedOut, LinesToPost

from support.ledger_calls import do

TODAY = business_date(datetime.now(UTC))
OFFICER = Caller("lind.officer", frozenset({"officer"}))
OLD, RECHARGE, GARAGE, KEPT, DWELLING, CREDIT = (UUID(int=number) for number in range(101, 107))
OLD_HOME, GARAGE_LET, GARAGE_KEPT, HOME, PAST_HOME = (UUID(int=number) for number in range(111, 116))
DEE, GUS, CY, HAL = (UUID(int=number) for number in range(121, 125))
WEEKS = ("2020-04-06", "2020-04-13", "2020-04-20", "2020-04-27")
ENDED = "2020-05-04"


def _account(id_: UUID, kind: str, tenancy: UUID, status: str, *charges: tuple[str, int], **more: object) -> dict[str, Any]:
    weekly = [{"element": element, "amount_pence": pence, "from": WEEKS[0]} for element, pence in charges]
    about = {"record": "account", "id": str(id_), "reference": f"A{id_.int}", "kind": kind, "status": status, "tenancy": str(tenancy)}
    return {**about, "rent_group": "ALL52", "weekly_charges": weekly, **more}


def _tenancy(id_: UUID, person: UUID, **more: object) -> dict[str, Any]:
    tenants = [{"person": str(person)}]
    return {"record": "tenancy", "id": str(id_), "property": str(UUID(int=100)), "started_on": "2020-04-06", "tenants": tenants, **more}


DEBTORS: list[dict[str, Any]] = [
    {"record": "estate", "name": "debtors"},
    {"record": "property", "id": str(UUID(int=100)), "reference": "P1", "address": "1 Elm Rise", "postcode": "AL8 6AA"},
    {"record": "person", "id": str(DEE), "name": "Dee Old", "died_on": "2020-05-01"},
    {"record": "person", "id": str(GUS), "name": "Gus Garage"},
    {"record": "person", "id": str(CY), "name": "Cy Ng"},
    {"record": "person", "id": str(HAL), "name": "Hal Gone"},
    _tenancy(OLD_HOME, DEE, ended_on=ENDED),
    _tenancy(GARAGE_LET, GUS, garage=True, ended_on=ENDED),
    _tenancy(GARAGE_KEPT, CY, garage=True, ended_on=ENDED),
    _tenancy(HOME, CY, ended_on="2020-04-20"),
    _tenancy(PAST_HOME, HAL, ended_on=ENDED),
    _account(OLD, "RENT", OLD_HOME, "FORMER", ("Basic rent", 110_00), ("Heating", 10_00)),
    _account(RECHARGE, "RECHARGE", OLD_HOME, "FORMER"),
    _account(GARAGE, "GARAGE", GARAGE_LET, "FORMER", ("Garage", 17_80)),
    _account(KEPT, "GARAGE", GARAGE_KEPT, "FORMER", ("Garage", 22_50)),
    _account(DWELLING, "RENT", HOME, "FORMER"),
    _account(CREDIT, "RENT", PAST_HOME, "FORMER"),
    {"record": "debits", "weeks": list(WEEKS)},
    {"record": "receipt", "account": str(OLD), "code": "RSO", "amount_pence": 200_00, "effective_date": "2020-05-11"},
    {
        "record": "adjustment",
        "account": str(RECHARGE),
        "code": "DRR",
        "amount_pence": 50_00,
        "effective_date": "2020-05-12",
        "actor": "rae.repairs",
    },
    {"record": "receipt", "account": str(CREDIT), "code": "RSO", "amount_pence": 25_00, "effective_date": "2020-05-13"},
]


def _parts(charges: Sequence[ChargeOwed]) -> tuple[LinePart, ...]:
    vat: dict[str, int] = {}
    for charge in charges:
        vat[charge.element] = vat.get(charge.element, 0) + charge.vat_pence
    owed = sorted(owed_by_element(charges).items())
    return tuple(LinePart(element=element, amount_pence=pence, vat_pence=vat[element]) for element, pence in owed)


class Debts:
    """The ledger's use cases about write-offs, each in a transaction of its own.

    Writeoffs has handed out whatever is to be posted, but for the lines that `dropped`. `deciders` approved it, at `decided_at` or
    just now; `took_part` has a hand in lines by now.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.dropped: set[UUID] = set()
        self.took_part: dict[UUID, str] = {}
        self.deciders: tuple[str, ...] = ("dilip.leader",)
        self.decided_at: datetime | None = None
        runtime.settings.peers.update(writeoffs="http://writeoffs", approvals="http://approvals")
        runtime.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "approvals":
            made = Deciders(people=self.deciders, decided_at=self.decided_at or datetime.now(UTC))
            return httpx.Response(200, text=made.model_dump_json())
        asked = LinesToPost.model_validate_json(request.content)
        lines = tuple(line for line in asked.lines if line not in self.dropped)
        found = LinesHandedOut(lines=lines, too_close=tuple(line for line in lines if self.took_part.get(line) in asked.decided_by))
        return httpx.Response(200, text=found.model_dump_json())

    async def facts(self, account: UUID = OLD) -> DebtFacts:
        read = await do(self.runtime, lambda tx: debts_for_write_off(tx, DebtsAsked(accounts=(account,))))
        return read.debts[0]

    async def line(self, account: UUID = OLD, kind: LineKind = LineKind.WRITE_OFF, **other: Any) -> WriteOffLine:
        """A line as writeoffs makes it: of all that is owed, or all that is in credit, unless other parts are given."""
        facts = await self.facts(account)
        parts = _parts(facts.charges)
        if kind is LineKind.CREDIT_WRITE_ON:
            parts = (LinePart(element="", amount_pence=-facts.balance_pence),)
        made = {
            "line": uuid4(), "attempt": 1, "kind": kind, "account": account, "reason": "deceased", "balance_pence": facts.balance_pence,
            "parts": parts, "evidence_hash": "e" * 64, "answered_by": tuple(one.person for one in facts.people),
            "died": tuple(one.person for one in facts.people if one.died_on is not None),
        }  # fmt: skip
        return WriteOffLine.model_validate({**made, **other})

    async def line_of(self, charges: Sequence[ChargeOwed], account: UUID = OLD, **other: Any) -> WriteOffLine:
        """A write-off of these charges alone, which it names."""
        named = tuple(dict.fromkeys(charge.journal for charge in charges))
        return await self.line(account, **{"parts": _parts(charges), "charges": named, **other})

    async def back(self, undoes: UUID, *parts: tuple[str, int], account: UUID = OLD, **other: Any) -> WriteOffLine:
        """A reinstatement of these parts. Of less than the whole it names the charges that it gives back, the oldest first."""
        named = tuple(LinePart(element=element, amount_pence=pence) for element, pence in parts)
        facts = await self.facts(account)
        left = next((past.charges for past in facts.write_offs if past.journal == undoes), ())
        wanted = dict(parts)
        given: list[ChargeOwed] = []
        for charge in left:
            if wanted.get(charge.element, 0) > 0:
                wanted[charge.element] -= charge.owed_pence
                given.append(charge)
        whole = sum(pence for _, pence in parts) == sum(charge.owed_pence for charge in left)
        charges = () if whole else tuple(dict.fromkeys(charge.journal for charge in given))
        made = {"undoes": undoes, "parts": named, "charges": charges, "reason": "traced"}
        return await self.line(account, LineKind.REINSTATEMENT, **{**made, **other})

    async def approve(self, *lines: WriteOffLine, schedule: UUID | None = None, **other: Any) -> PostWriteOff:
        """Let approvals say that these lines are approved, and the posting that follows."""
        approval = {
            "case": schedule or uuid4(), "decision": uuid4(), "task": uuid4(), "round": 1, "stage": 1, "content_hash": "c" * 64,
            "answer": Answer.APPROVED, "completes": True, "carried_out_from": TODAY,
            "lines": tuple(ApprovedLine(line=line.line, content_hash=line.content_hash) for line in lines),
        }  # fmt: skip
        decided = WriteOffDecided.model_validate({**approval, **other})
        await do(self.runtime, lambda tx: note_write_off_decision(tx, decided))
        return PostWriteOff(schedule=decided.case, decision=decided.decision, lines=lines)

    async def recall(self, asked: PostWriteOff) -> None:
        recalled = DecisionRecalled(case=asked.schedule, decision=asked.decision, content_hash="c" * 64)
        await do(self.runtime, lambda tx: note_recall(tx, recalled))

    async def comes_to_nothing(self, asked: PostWriteOff) -> None:
        ended = DecisionNotCarriedOut(case=asked.schedule, decision=asked.decision)
        await do(self.runtime, lambda tx: note_not_carried_out(tx, ended))

    async def post(self, asked: PostWriteOff) -> tuple[LineOutcome, ...]:
        return (await do(self.runtime, lambda tx: post_write_off(tx, asked))).outcomes

    async def written_off(self, *lines: WriteOffLine, **other: Any) -> tuple[LineOutcome, ...]:
        return await self.post(await self.approve(*lines, **other))

    async def rows(self, statement: str, **told: object) -> list[tuple[Any, ...]]:
        async with self.runtime.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(sa.text(statement), told)]

    async def legs(self, journal: UUID) -> list[tuple[Any, ...]]:
        """A journal's entries: reference of the account, element, pence."""
        joined = "SELECT reference, element, amount_pence FROM entry JOIN account ON account.id = account"
        return await self.rows(f"{joined} WHERE journal = :journal ORDER BY line", journal=journal)


def day(text: str) -> date:
    return date.fromisoformat(text)


def outcome_of(outcomes: Sequence[LineOutcome]) -> str | None:
    """Why the only line was dropped; None where it was posted."""
    [outcome] = outcomes
    assert (outcome.journal is None) != (outcome.dropped_because is None)
    return outcome.dropped_because
