"""How the desk says amounts, dates and states: in a tenant's words, in pounds, in Europe/London.

Pure functions, registered as filters of the templates.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape
from rentbook_contracts.ledger import AccountKind, ArrearsAge, Entry
from rentbook_contracts.refunds import AskedAs, CasePage, CaseRow, CaseStatus
from rentbook_contracts.words import counted

from approvals.domain.words import a_role
from approvals.web.lanes import lane_reason
from approvals.web.tables import stackable

LONDON = ZoneInfo("Europe/London")

MINUS = "−"

STATE_WORDS: Mapping[str, str] = {
    "dd": "Direct Debit",
    "hb": "Housing Benefit",
    "uc": "Universal Credit",
    "apa": "Universal Credit managed payment",
    "tpd": "third-party deduction",
    "fta": "former tenant arrears",
    "ftc": "former tenant credit",
    "useocc": "use and occupation",
    "hbo": "overpaid Housing Benefit",
    "cop": "Confirmation of Payee",
    "bacs": "Bacs",
    "arucs": "ARUCS",
    "write-off": "write-off",
    "credit-write-on": "write-on of a credit",
    "call-in": "in its call-in time",
    "on-schedule": "on a schedule",
    "balance-moved": "the balance moved",
    "overpaid-benefit": "it is overpaid Housing Benefit",
    "current-tenant": "the tenancy has not ended",
    "vat-changed": "the VAT in it changed",
    "breathing-space": "Breathing Space runs",
    "credit-elsewhere": "there is credit on a linked account",
    "debtor-owes-more": "the debtor owes more than the decision covers",
    "credit-held": "the credit is held for a refund",
    "above-written-off": "more than is left of what was written off",
    "nobody-lives": "nobody lives who owes it",
    "credit-gone": "the credit that it answers is no longer there",
    "decider-behind": "whoever decided had a hand in what it rests on",
    "discharged": "the law has released the debtor",
    "payment-plan": "a payment plan is kept",
    "housing-benefit": "a Housing Benefit claim is open",
    "dispute": "the debt is disputed",
    "trace": "a trace that found nobody",
    "agency-return": "agency’s return: nobody found",
    "found": "whoever owes it was found",
}


PROPER = ("Direct Debit", "DWP", "Housing Benefit", "PayPoint", "Post Office", "Rentbook", "Universal Credit")
"""How words begin that keep their capital within a sentence."""

PART_WORDS: Mapping[str, str] = {
    "raised": "raised it",
    "edited": "changed it",
    "evidence": "added evidence",
    "payee": "entered the bank details",
    "resubmitted": "answered a question",
    "withdrew": "withdrew it",
    "ledger": "had a hand in an entry behind the credit or the debt, or in a hold, a plan or a note on an account of the same people",
    "case": "took part in it",
}
"""How the desk says what made a person a participant of a case."""


CODE_WORDS: Mapping[str, str] = {
    "RDD": "Direct Debit",
    "RDN": "Direct Debit unpaid",
    "RSO": "Standing order",
    "RCP": "Card",
    "RPY": "PayPoint",
    "RBR": "Post Office",
    "RCO": "Cash office",
    "RQP": "Cheque",
    "RRC": "Cheque returned",
    "RPO": "Postal order",
    "RBP": "Bank payment",
    "RDS": "Salary deduction",
    "RDP": "DWP deduction",
    "RUC": "Universal Credit",
    "RHB": "Housing Benefit",
    "RHA": "Housing Benefit adjustment",
    "RBA": "Bailiff",
}
"""The receipt codes of domain.md 2.1 as people say them."""


FOR_THE_ESTATE: Mapping[AskedAs, str] = {
    AskedAs.EXECUTOR: "the executor of",
    AskedAs.ADMINISTRATOR: "the administrator of the estate of",
    AskedAs.NEXT_OF_KIN: "the next of kin of",
}


def bdi(name: str) -> Markup:
    """A name within a page: whichever way it runs, what stands beside it keeps its place."""
    return Markup("<bdi>{}</bdi>").format(name)


def named(names: Sequence[str], word: str = "and") -> Markup:
    """Names as a sentence has them, each in its own direction."""
    marked = [bdi(name) for name in names]
    if len(marked) < 2:
        return Markup("").join(marked)
    return Markup("{} {} {}").format(Markup(", ").join(marked[:-1]), word, marked[-1])


def asker(name: str, asked_as: AskedAs) -> Markup:
    """Who asks for a refund: the tenant, or who acts for the estate of one who has died."""
    return Markup("{} {}").format(FOR_THE_ESTATE[asked_as], name) if asked_as in FOR_THE_ESTATE else escape(name)


def code_words(code: str) -> str:
    """A transaction code in words, or as it is where it has none."""
    return CODE_WORDS.get(code, code)


def pounds(pence: int) -> str:
    """Pence as pounds, with thousands set apart; a negative amount carries a true minus sign."""
    whole, rest = divmod(abs(pence), 100)
    return f"{MINUS if pence < 0 else ''}£{whole:,}.{rest:02d}"


def rate(basis_points: int) -> str:
    """A rate in percent: *12.5%*."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def debit(pence: int) -> str:
    """The debit column of an account: blank for a credit."""
    return pounds(pence) if pence > 0 else ""


def credit(pence: int) -> str:
    """The credit column of an account: blank for a debit, and without the sign that the column already says."""
    return pounds(-pence) if pence < 0 else ""


def balance(pence: int) -> str:
    """A balance in the tenant's words: *£84.10 behind*, *£141.20 in credit*, *nothing owed* (desk.md, the account page)."""
    if pence > 0:
        return f"{pounds(pence)} behind"
    if pence < 0:
        return f"{pounds(-pence)} in credit"
    return "nothing owed"


def balance_short(pence: int) -> str:
    """A running balance as statements print it: DR for arrears, CR for credit (domain.md 0)."""
    return f"{pounds(abs(pence))} {'DR' if pence > 0 else 'CR'}" if pence else pounds(0)


def balance_axis(pence: int) -> str:
    """A balance beside a picture, in whole pounds: *£200 DR*."""
    pounds_only = f"£{abs(pence) // 100:,}"
    return f"{pounds_only} {'DR' if pence > 0 else 'CR'}" if pence else pounds_only


def london(moment: datetime) -> datetime:
    """An instant as the clock on the office wall shows it."""
    return moment.astimezone(LONDON)


def day(moment: date | datetime | str | None) -> str:
    """A date in words: *Mon 23 Nov 2026*. Nothing is said of a date that is not known."""
    if moment is None or moment == "":
        return ""
    on = _as_date(moment)
    return f"{on:%a} {on.day} {on:%b} {on.year}"


def short_day(moment: date | datetime | str | None) -> str:
    """A date for a narrow column: *23 Nov 2026*."""
    if moment is None or moment == "":
        return ""
    on = _as_date(moment)
    return f"{on.day} {on:%b} {on.year}"


def clock(moment: datetime) -> str:
    """The time of day in London: *10:42*."""
    return f"{london(moment):%H:%M}"


def when(moment: datetime | None) -> str:
    """An instant in words: *23 Nov 2026 at 10:42*."""
    if moment is None:
        return ""
    return f"{short_day(moment)} at {clock(moment)}"


def when_near(moment: datetime, now: datetime) -> str:
    """An instant as one says it aloud: *10:42* today, *yesterday at 10:42*, else the date."""
    days = (london(now).date() - london(moment).date()).days
    if days == 0:
        return clock(moment)
    if days == 1:
        return f"yesterday at {clock(moment)}"
    return when(moment)


def age(since: date | datetime, today: date) -> str:
    """How long ago in words: *today*, *yesterday*, *12 days ago*, *5 months ago*, *1 year and 11 months ago*."""
    day = _as_date(since)
    days = (today - day).days
    if days < 0:
        return f"in {counted(-days, 'day')}"
    if days == 0:
        return "today"
    if days == 1:
        return "yesterday"
    if days < 60:
        return f"{counted(days, 'day')} ago"
    years, months = divmod((today.year - day.year) * 12 + today.month - day.month - (today.day < day.day), 12)
    return f"{' and '.join(counted(of, unit) for of, unit in ((years, 'year'), (months, 'month')) if of)} ago"


def age_of_arrears(age: ArrearsAge) -> str:
    """How long ago a part of the arrears fell due: *up to 4 weeks*, *4 to 8 weeks*, *over 52 weeks*."""
    if age.to_days is None:
        return f"over {age.from_days // 7} weeks"
    return f"{age.from_days // 7} to {age.to_days // 7} weeks" if age.from_days else f"up to {age.to_days // 7} weeks"


CREDIT_WRITTEN_ON = "CWO"
WRITE_OFF_CODES = frozenset({"WOF", "WON", CREDIT_WRITTEN_ON})
OPENING_BALANCE = "ROB"


def is_opening_balance(entry: Entry) -> bool:
    """Whether the entry is what an account owed or had when the ledger was opened (`ROB`, domain.md 2.1)."""
    return entry.code == OPENING_BALANCE


def is_write_off(entry: Entry) -> bool:
    """Whether its case is the proposal of a line of a schedule, and no refund: a schedule decided it, or it gives a credit back that one
    had taken to income, which rests on no decision.
    """
    return entry.code == CREDIT_WRITTEN_ON or (entry.code in WRITE_OFF_CODES and entry.provenance.decision is not None)


def undoable(entry: Entry) -> bool:
    """Whether a person may undo it by hand: once, no reversal, no opening balance (it is the sum of what an earlier system posted), and
    nothing that was decided, but for a credit that went to income.
    """
    by_hand = (entry.provenance.case is None and not is_opening_balance(entry)) or entry.code == CREDIT_WRITTEN_ON
    return entry.reversed_by is None and entry.reverses is None and by_hand


def stands(case: CaseRow | CasePage, today: date) -> str:
    """Where a case stands, as is true today. The bank's acceptance closes a case as paid days before the payee has the money:
    *With the bank, arrives on Fri 27 Nov 2026*, then *Paid on Fri 27 Nov 2026*.
    """
    if case.status is not CaseStatus.PAID or case.paid_on is None:
        return headline(case.status)
    return f"With the bank, arrives on {day(case.paid_on)}" if case.paid_on > today else f"Paid on {day(case.paid_on)}"


def working_days_left(days: int) -> str:
    """The time until a due date, in working days: *2 working days left*, *due today*, *3 working days late*."""
    if days == 0:
        return "due today"
    if days > 0:
        return f"{counted(days, 'working day')} left"
    return f"{counted(-days, 'working day')} late"


def said(state: object) -> str:
    """A code as words: *bank-details* becomes *bank details*, and an abbreviation of the field its full name."""
    word = str(state.value if isinstance(state, Enum) else state)
    return STATE_WORDS.get(word.lower(), word.replace("_", " ").replace("-", " ").lower())


def headline(state: object) -> str:
    """A code as the start of a sentence: *Bank details*."""
    words = said(state)
    return words[:1].upper() + words[1:]


def found_words(line: str) -> str:
    """What a check found, whose line may begin with the kind of an account as a code: *Recharge of a former tenancy, £85.50: …*."""
    kind, _, rest = line.partition(" ")
    return f"{headline(kind)} {rest}" if kind in list(AccountKind) else line


def element(name: str) -> str:
    """A charge element as a table names it. What came along as a balance, and a credit, are of no one charge."""
    return headline(name) if name else "Not split by charge"


def listed(items: Sequence[str], word: str = "and") -> str:
    """Names as a sentence has them: *Asha*, *Asha and Ben*, *Asha, Ben and Carol*."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {word} {items[-1]}"


def size(octets: int) -> str:
    """A file's size for people: *812 bytes*, *14 kB*, *3.2 MB* (decimal units)."""
    if octets < 1_000:
        return counted(octets, "byte")
    if octets < 1_000_000:
        return f"{octets // 1_000} kB"
    return f"{octets / 1_000_000:.1f} MB"


def sort_code(digits: str) -> str:
    """A sort code as banks print it: *08-99-99*."""
    return "-".join(digits[at : at + 2] for at in range(0, 6, 2))


def _as_date(moment: date | datetime | str) -> date:
    if isinstance(moment, str):
        return date.fromisoformat(moment)
    if isinstance(moment, datetime):
        return london(moment).date()
    return moment


def sentence(words: str) -> str:
    """The same words with a capital at the start, and nothing else changed."""
    return words[:1].upper() + words[1:]


def lower_first(words: str) -> str:
    """The same words as they stand within a sentence; a name, an amount or a code stays as it is."""
    if words.startswith(PROPER) or (words[:2].isupper() and not words[1:2].isspace()):
        return words
    return words[:1].lower() + words[1:]


FILTERS = {
    "asker": asker,
    "bdi": bdi,
    "named": named,
    "stackable": stackable,
    "stands": stands,
    "age_of_arrears": age_of_arrears,
    "lane_reason": lane_reason,
    "a_role": a_role,
    "sentence": sentence,
    "lower_first": lower_first,
    "found_words": found_words,
    "date_of": _as_date,
    "pounds": pounds,
    "rate": rate,
    "code_words": code_words,
    "debit": debit,
    "credit": credit,
    "balance": balance,
    "balance_short": balance_short,
    "balance_axis": balance_axis,
    "day": day,
    "short_day": short_day,
    "clock": clock,
    "when": when,
    "when_near": when_near,
    "age": age,
    "working_days_left": working_days_left,
    "said": said,
    "headline": headline,
    "element": element,
    "listed": listed,
    "count": counted,
    "size": size,
    "sort_code": sort_code,
}

TESTS = {"undoable": undoable, "opening_balance": is_opening_balance, "write_off": is_write_off}
