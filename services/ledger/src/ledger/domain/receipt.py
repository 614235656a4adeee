"""One kind of receipt out of every kind of file: whose money it may be, how it came, when, and where in the file it stands."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from ledger.domain.allpay import CashPayment
from ledger.domain.references import ReferenceScheme, reference_of_card_number, references_in
from ledger.domain.statement import BankEntry, EntryDetail, Statement


@dataclass(frozen=True, slots=True)
class EntryKey:
    """What one bank entry is known by across files, however it is itemised: its leading reference, the other one where it carries two, and
    its whole amount (pence) and the day on which it was booked, without which the other reference says nothing: some banks give the same
    one to many entries. `shares_other`: another booked entry of the same file has the other reference too, so that it tells neither apart.
    """

    reference: str
    other: str | None
    amount_pence: int
    booked_on: date | None = None
    shares_other: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that a file reports. `amount_pence` is positive for money in, negative for money taken back or paid out.

    `entry_reference` is unique for `source` (the name of our bank account, or of the cash provider), or None where the file has none; a
    payment of a batch has the entry's with `#` and its place. `entry` is the whole entry's key, the same for every payment of a batch.
    `pending` money is announced, not there: it is stored and never posted.
    `reference` is the one valid payment reference that was found; where none or several different were, it is None and the receipt
    belongs in suspense with the `candidates`. Fields without a place in `repr` are personal: for storage only, and `payer_account` not
    even that, it is to be told apart by its fingerprint. `valued_on`: the day from which the bank lets the money be used, if it says one.
    """

    line: int
    source: str
    method: str
    amount_pence: int
    effective_date: date
    pending: bool
    reversal: bool
    entry_reference: str | None
    reference: str | None
    candidates: tuple[str, ...]
    narrative: str = field(repr=False)
    payer_name: str = field(repr=False)
    payer_account: str = field(repr=False)
    entry: EntryKey | None = None
    valued_on: date | None = None


@dataclass(frozen=True)
class MethodRule:
    """When a bank entry is a method of payment. All conditions given must hold; within each, any one of its texts; letter case is ignored.

    `bank_codes` are beginnings of the ISO code (`PMNT/RCDT/STDO`) or a whole proprietary code (`STO`).
    """

    method: str
    money_in: bool = True
    bank_codes: tuple[str, ...] = ()
    payer_contains: tuple[str, ...] = ()
    text_contains: tuple[str, ...] = ()
    reversal: bool | None = None


@dataclass(frozen=True)
class MethodRules:
    """How money came, as transaction codes of domain.md 2.1. The first bank rule that holds decides; `cash_types` are allpay's letters."""

    bank: Sequence[MethodRule]
    cash_types: Mapping[str, str]
    other_money_in: str = "RBP"
    other_money_out: str = "RBP"


def receipts_of_statements(
    statements: Sequence[Statement],
    references_of: Callable[[BankEntry], tuple[str, ...]],
    methods: MethodRules,
    schemes: Sequence[ReferenceScheme],
    today: date,
) -> Iterator[Receipt]:
    """The receipts of a file's statements. `references_of` gives those by which an entry is known across files, the leading one first.

    A pending entry that the same file books is left out, and so is what is for information only.
    """
    listed = [(statement.account, references_of(entry), entry) for statement in statements for entry in statement.entries]
    booked = {(account, references[0]) for account, references, entry in listed if entry.status == "BOOK" and references}
    others = Counter((account, *references[1:]) for account, references, entry in listed if entry.status == "BOOK" and len(references) > 1)
    for account, references, entry in listed:
        replaced = entry.status != "BOOK" and bool(references) and (account, references[0]) in booked
        if entry.status != "INFO" and not replaced:
            key = _key(entry, references, shares_other=others[account, *references[1:]] > 1)
            yield from _of_entry(account, entry, key, methods, schemes, today)


def _key(entry: BankEntry, references: tuple[str, ...], *, shares_other: bool) -> EntryKey | None:
    if not references:
        return None
    other = references[1] if len(references) > 1 else None
    return EntryKey(references[0], other, entry.amount_pence, entry.booking_date, shares_other=shares_other)


def receipt_of_cash(payment: CashPayment, source: str, methods: MethodRules, schemes: Sequence[ReferenceScheme]) -> Receipt:
    """The receipt of one line of a cash file. The reference is one with its letter, or a card's account number without it."""
    found = references_in(payment.reference, schemes) or tuple(filter(None, [reference_of_card_number(payment.reference, schemes)]))
    return Receipt(
        line=payment.line,
        source=source,
        method=methods.cash_types[payment.kind],
        amount_pence=payment.amount_pence,
        effective_date=payment.paid_on,
        pending=False,
        reversal=payment.amount_pence < 0,
        entry_reference=None,
        reference=found[0] if len(found) == 1 else None,
        candidates=found,
        narrative=" ".join(filter(None, [payment.client, payment.reference])),
        payer_name="",
        payer_account="",
    )


def method_of(entry: BankEntry, payer: str, text: str, rules: MethodRules) -> str:
    """The transaction code of a bank entry."""
    for rule in rules.bank:
        if _holds(rule, entry, payer, text):
            return rule.method
    return rules.other_money_in if entry.amount_pence > 0 else rules.other_money_out


def _holds(rule: MethodRule, entry: BankEntry, payer: str, text: str) -> bool:
    by_code = any(entry.bank_transaction_code.startswith(code) or entry.proprietary_code == code for code in rule.bank_codes)
    return (
        rule.money_in == (entry.amount_pence > 0)
        and rule.reversal in (None, entry.reversal)
        and (by_code or not rule.bank_codes)
        and _contains(payer, rule.payer_contains)
        and _contains(text, rule.text_contains)
    )


def _contains(text: str, any_of: Iterable[str]) -> bool:
    wanted = [part.casefold() for part in any_of]
    return not wanted or any(part in text.casefold() for part in wanted)


def _of_entry(
    source: str,
    entry: BankEntry,
    key: EntryKey | None,
    methods: MethodRules,
    schemes: Sequence[ReferenceScheme],
    today: date,
) -> Iterator[Receipt]:
    reference = key.reference if key else None
    details: Sequence[EntryDetail | None] = entry.details or (None,)
    for number, detail in enumerate(details, start=1):
        texts = _texts(entry, detail)
        found = _references(texts, schemes)
        payer = detail.debtor_name if detail else ""
        text = " ".join(filter(None, texts))
        amount = detail.amount_pence if detail and entry.is_batch else entry.amount_pence
        yield Receipt(
            line=detail.line if detail and entry.is_batch else entry.line,
            source=source,
            method=method_of(entry, payer, text, methods),
            amount_pence=amount or 0,
            effective_date=entry.booking_date or entry.value_date or today,
            pending=entry.status != "BOOK",
            reversal=entry.reversal,
            entry_reference=f"{reference}#{number}" if reference and entry.is_batch else reference,
            reference=found[0] if len(found) == 1 else None,
            candidates=found,
            narrative=text,
            payer_name=payer,
            payer_account=detail.debtor_account if detail else "",
            entry=key,
            valued_on=entry.value_date,
        )


def _texts(entry: BankEntry, detail: EntryDetail | None) -> tuple[str, ...]:
    own = (*detail.structured_references, detail.end_to_end_id or "", detail.remittance_text) if detail else ()
    return (*own, "" if entry.is_batch else entry.additional_information)


def _references(texts: Iterable[str], schemes: Sequence[ReferenceScheme]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reference for text in texts for reference in references_in(text, schemes)))
