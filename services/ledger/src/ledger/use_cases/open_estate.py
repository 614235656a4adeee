"""Open the ledger with an estate: tenancies, accounts, and the history that they bring along, whole or not at all."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from chassis.transaction import Transaction
from rentbook_contracts.ledger import AccountHold, AccountKind, AccountOpened, Addressee
from sqlalchemy.exc import IntegrityError

from ledger import store
from ledger.domain import estate
from ledger.domain.breathing_space import BreathingSpacePolicy, last_day_of
from ledger.domain.calendar import WorkingDays, working_days
from ledger.domain.clearing import cleared_on
from ledger.domain.dates import business_date, start_of_work
from ledger.domain.folding import folded, folded_home
from ledger.domain.posting import OPENING_CODE, Control, Posting, charge, two_legs
from ledger.domain.rules import EstateRefused, LedgerRule
from ledger.queries.refund_facts import breathing_space_policy
from ledger.use_cases.debit_week import grouped

ROWS_AT_ONCE = 2000
CALENDAR_YEARS = 7
_BROUGHT_ALONG = "brought along by the estate"
"""How many years before today an estate's history may reach, as far as clearing days are concerned."""


@dataclass(frozen=True)
class EstateOpened:
    """`already`: this very estate was loaded before, and nothing was done."""

    name: str
    accounts: int
    journals: int
    already: bool = False


async def open_estate(tx: Transaction, *, lines: Iterable[bytes], sha256: str, payer_of: Callable[[str], str | None]) -> EstateOpened:
    """Load an estate file in this transaction. `payer_of` gives the fingerprint of a paying bank account.

    Errors: EstateRefused, which names the line.
    """
    await store.serialise(tx, "open-estate")
    earlier = await store.opened_estate(tx)
    if earlier == sha256:
        return EstateOpened("", 0, 0, already=True)
    if earlier is not None:
        raise EstateRefused("This ledger was opened with another estate.")
    today = business_date(tx.now)
    loader = _Loader(tx, today, payer_of, await store.receipt_policy(tx), await breathing_space_policy(tx, today))
    await loader.load(lines)
    await store.note_opened_estate(tx, sha256, loader.name)
    return EstateOpened(loader.name, await _tell_of_accounts(tx), loader.journals)


async def _tell_of_accounts(tx: Transaction) -> int:
    opened = await store.balances(tx)
    await tx.publish_all(
        [(AccountOpened(account=account, kind=AccountKind(kind), balance_pence=balance), 1) for account, kind, balance in opened]
    )
    await store.keep_versions(tx, {account: 1 for account, _, _ in opened})
    return len(opened)


@dataclass
class _Loader:
    """Gathers rows and writes them by the thousand."""

    tx: Transaction
    today: date
    payer_of: Callable[[str], str | None]
    policy: store.ReceiptPolicy
    breathing_space: BreathingSpacePolicy
    name: str = ""
    journals: int = 0
    _line: int = 0
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {table: [] for table in store.ESTATE_TABLES})
    _postings: list[Posting] = field(default_factory=list)
    _calendar: WorkingDays | None = None

    async def load(self, lines: Iterable[bytes]) -> None:
        place = 0
        for self._line, text in enumerate(lines, start=1):
            try:
                line = estate.read_line(text)
            except estate.EstateFault as fault:
                raise self._refused(str(fault)) from None
            if (self._line == 1) != isinstance(line, estate.Estate) or estate.place_in_order(line) < place:
                raise self._refused(f"a line of kind {line.record} does not belong here; the order is {', '.join(estate.ORDER)}")
            place = estate.place_in_order(line)
            await self._take(line)
            if sum(map(len, self._rows.values())) + len(self._postings) >= ROWS_AT_ONCE:
                await self._flush()
        await self._flush()

    async def _take(self, line: estate.Line) -> None:
        match line:
            case estate.Estate():
                self.name = line.name
            case estate.Property():
                spelt = folded_home(line.address, line.postcode)
                self._rows["property"].append(line.model_dump(exclude={"record"}) | {"folded": spelt})
            case estate.Person():
                spelt = folded(line.name, line.latin or "")
                self._rows["person"].append(line.model_dump(exclude={"record"}) | {"folded": spelt})
            case estate.Tenancy():
                known = {"forwarding_address_known": line.forwarding_address_known or line.forwarding_address is not None}
                self._rows["tenancy"].append(line.model_dump(exclude={"record", "tenants", "forwarding_address"}) | known)
                if line.forwarding_address is not None:
                    self._rows["letter_address"].append(self._letter_address(line.id, line.forwarding_address))
                self._rows["tenant"].extend(tenant.model_dump() | {"tenancy": line.id} for tenant in line.tenants)
            case estate.Account():
                self._account(line)
            case estate.Plan():
                self._plan(line)
            case estate.Debits():
                await self._debits(line)
            case estate.Receipt():
                self._postings.append(self._receipt(line))
            case estate.Adjustment():
                self._postings.append(self._adjustment(line))

    def _letter_address(self, tenancy: UUID, address: str) -> dict[str, Any]:
        about = {"tenancy": tenancy, "addressee": Addressee.TENANTS.value, "name": "", "address": address}
        return about | {"known_from": _BROUGHT_ALONG, "by": "system", "at": self.tx.now}

    def _account(self, line: estate.Account) -> None:
        if line.kind in (AccountKind.CONTROL, AccountKind.SUSPENSE):
            raise self._refused("an estate has no control accounts of its own")
        plain = {"id", "reference", "kind", "status", "tenancy", "rent_group", "pays_by_direct_debit"}
        self._rows["account"].append(line.model_dump(include=plain))
        for element in line.weekly_charges:
            row = {
                "element": element.element,
                "in_force_from": element.since,
                "in_force_until": element.until,
                "amount_pence": element.amount_pence,
            }
            self._rows["weekly_charge"].append(row | {"account": line.id})
        holds = [store.AccountHoldRow(line.id, hold, None) for hold in line.holds]
        if line.breathing_space is not None:
            holds.append(self._breathing_space(line.id, line.breathing_space))
        said = {"set_at": self.tx.now, "set_by": "system", "reason": _BROUGHT_ALONG}
        self._rows["account_hold"].extend(asdict(hold) | said for hold in holds)
        if line.opening and line.opening.on > self.today:
            raise self._refused("the day of the opening balance lies in the future")
        if line.opening and line.opening.balance_pence:
            self._postings.append(self._opening(line.id, line.opening))

    def _breathing_space(self, account: UUID, told: estate.BreathingSpace) -> store.AccountHoldRow:
        try:
            last_day = last_day_of(told.kind, told.first_day, told.until, self.breathing_space, self.today)
        except LedgerRule as broken:
            raise self._refused(f"a Breathing Space: {broken.message.removesuffix('.')}") from None
        return store.AccountHoldRow(account, AccountHold.BREATHING_SPACE, last_day, told.kind, told.first_day)

    def _opening(self, account: UUID, opening: estate.Opening) -> Posting:
        legs = two_legs(account, opening.balance_pence, Control.OPENING)
        return Posting(f"opening/{account}", OPENING_CODE, opening.on, legs, "system", posted_at=start_of_work(opening.on))

    def _plan(self, line: estate.Plan) -> None:
        if line.agreed_on > self.today:
            raise self._refused("the day on which the plan was agreed lies in the future")
        noted = {"id": uuid4(), "noted_at": self.tx.now, "noted_by": "system"}
        self._rows["payment_plan"].append(line.model_dump(exclude={"record"}) | noted)

    async def _debits(self, line: estate.Debits) -> None:
        await self._flush()
        for week in line.weeks:
            if week.weekday() != 0 or week > self.today:
                raise self._refused(f"{week} is not the Monday of a week that has begun")
            due = grouped(await store.due_charges(self.tx, week))
            at = start_of_work(week)
            self._postings.extend(charge(account, week, elements, actor="system", posted_at=at) for account, elements in due.items())
            total = sum(amount for elements in due.values() for _, amount in elements)
            await store.note_debited_week(self.tx, store.DebitedWeek(week, len(due), total, rent_free=not due))
            await self._flush()

    def _receipt(self, line: estate.Receipt) -> Posting:
        if self.policy.part.get(line.code) != "receipts":
            raise self._refused(f"{line.code} is not the code of a receipt")
        if line.effective_date > self.today:
            raise self._refused("the effective date lies in the future")
        cleared = cleared_on(self.policy.clearing, self._days(), line.code, line.effective_date)
        payer = self.payer_of(line.payer_account) if line.payer_account else None
        legs = two_legs(line.account, -line.amount_pence, Control.BANK)
        return self._history(line, legs_cleared_on=cleared, payer=payer, legs=legs)

    def _adjustment(self, line: estate.Adjustment) -> Posting:
        contra = self.policy.contra.get(line.code)
        if contra is None or self.policy.part[line.code] not in ("adjustments", "charges"):
            raise self._refused(f"{line.code} is not the code of an adjustment")
        return self._history(line, legs=two_legs(line.account, line.amount_pence, Control(contra)))

    def _history(
        self, line: estate.Receipt | estate.Adjustment, *, legs: Any, legs_cleared_on: date | None = None, payer: str | None = None
    ) -> Posting:
        posted_at: datetime = start_of_work(line.posted_on or line.effective_date)
        return Posting(
            f"estate/{self._line}",
            line.code,
            line.effective_date,
            legs,
            line.actor,
            line.narrative,
            posted_at=posted_at,
            cleared_on=legs_cleared_on,
            payer=payer,
        )

    def _days(self) -> WorkingDays:
        if self._calendar is None:
            years = (self.today.year - CALENDAR_YEARS, self.today.year + 1)
            self._calendar = working_days(*years, added=self.policy.holidays_added, removed=self.policy.holidays_removed)
        return self._calendar

    async def _flush(self) -> None:
        try:
            for table, rows in self._rows.items():
                await store.add_rows(self.tx, table, rows)
                rows.clear()
            await store.post(self.tx, self._postings)
        except IntegrityError as error:
            broken = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None) or "a constraint"
            raise self._refused(f"or a line before it breaks the rule {broken}") from None
        self.journals += len(self._postings)
        self._postings.clear()

    def _refused(self, why: str) -> EstateRefused:
        return EstateRefused(f"Line {self._line}: {why}.")
