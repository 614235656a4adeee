"""Whether a line of an approved schedule still stands on the account, and the journal that it becomes (domain.md 2.5, 5.3)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import (
    AccountHold,
    AccountKind,
    ChargeOwed,
    DebtFacts,
    DroppedBecause,
    LineKind,
    PastWriteOff,
    WriteOffLine,
)
from rentbook_contracts.writeoffs import OF_THE_LIVING, Reason

from ledger.domain.debt import owed_by_element
from ledger.domain.posting import CONTROL_ACCOUNTS, Control, Leg, Posting

CODES = {LineKind.WRITE_OFF: "WOF", LineKind.REINSTATEMENT: "WON", LineKind.CREDIT_WRITE_ON: "CWO"}
WRITTEN_ON = CODES[LineKind.CREDIT_WRITE_ON]
PUT_BACK = CODES[LineKind.REINSTATEMENT]
NOT_REVERSED = frozenset(CODES.values()) - {WRITTEN_ON}
"""A credit that was written on comes back by a reversal: it is still paid to whoever has a right to it, as a refund that is decided."""
_CONTRA = {
    LineKind.WRITE_OFF: Control.BAD_DEBT_PROVISION,
    LineKind.REINSTATEMENT: Control.BAD_DEBT_PROVISION,
    LineKind.CREDIT_WRITE_ON: Control.CREDITS_WRITTEN_ON,
}


@dataclass(frozen=True)
class Ground:
    """What a line stands on, read under the account's lock.

    `left`: by charge element, what of the write-off that a reinstatement names is not put back yet.
    """

    facts: DebtFacts
    left: Mapping[str, int]
    free_credit_pence: int


def dropped_because(line: WriteOffLine, balance_pence: int, ground: Ground, covers_to_pence: int | None) -> DroppedBecause | None:
    """Why the line may not stand; None where it may.

    `balance_pence`: the account's balance after the lines before it. `covers_to_pence`: the highest total of the same people's debts, or
    of their credits, that the decision has authority for; None has no upper edge. The evidence of a line has an edge of its own.
    """
    moved = _taken_away(line, balance_pence, ground.facts) if balance_pence != line.balance_pence else None
    if moved is not None:
        return moved
    if any(edge is not None and debtor_total(line, ground.facts) > edge for edge in (covers_to_pence, line.up_to_pence)):
        return DroppedBecause.CREDITS_ABOVE if line.kind is LineKind.CREDIT_WRITE_ON else DroppedBecause.DEBTOR_OWES_MORE
    if line.kind is not LineKind.CREDIT_WRITE_ON and _others_answer(line, ground.facts):
        return DroppedBecause.PEOPLE_CHANGED
    match line.kind:
        case LineKind.WRITE_OFF:
            return _debt(line, ground)
        case LineKind.REINSTATEMENT:
            return _reinstatement(line, ground)
        case LineKind.CREDIT_WRITE_ON:
            return _credit(line, ground)


def _taken_away(line: WriteOffLine, balance_pence: int, facts: DebtFacts) -> DroppedBecause | None:
    """What of that on which the line rests is gone now that its account stands elsewhere; None where that is looked at by itself.

    A write-off that names its charges rests on what is owed of those: the next week's debit is none of them. What is put back rests on what
    is left of the write-off, and on the credit that it answers: what more is paid is another matter. What another line of the same account
    has just moved leaves nothing as it was read.
    """
    if balance_pence != facts.balance_pence:
        return DroppedBecause.BALANCE_MOVED
    if line.kind is LineKind.REINSTATEMENT:
        gone = line.answers_credit and -balance_pence < line.amount_pence and not _is_of_the_undone(charges_of(line, facts))
        return DroppedBecause.CREDIT_GONE if gone else None
    return None if line.kind is LineKind.WRITE_OFF and line.charges else DroppedBecause.BALANCE_MOVED


def _is_of_the_undone(back: Sequence[ChargeOwed] | None) -> bool:
    """Of a charge that was undone nobody owes what comes back: the write-off alone is taken back, whatever the law has released."""
    return bool(back) and all(charge.undone for charge in back or ())


def _others_answer(line: WriteOffLine, facts: DebtFacts) -> bool:
    """Whether somebody answers of whom the evidence says nothing, or lives who was said to have died. Lines of before named nobody."""
    lives = {person.person: person.died_on is None for person in facts.people}
    return bool(line.answered_by) and (not lives.keys() <= set(line.answered_by) or any(lives.get(one, False) for one in line.died))


def _nobody_lives(facts: DebtFacts) -> bool:
    return bool(facts.people) and all(person.died_on is not None for person in facts.people)


def debtor_total(line: WriteOffLine, facts: DebtFacts) -> int:
    """What decides who has authority for the line: for what is put back, also what it was written off with; for a credit, all credits."""
    if line.kind is LineKind.CREDIT_WRITE_ON:
        return max(facts.credits_total_pence, line.amount_pence)
    undone = past_write_off(facts, line.undoes)
    return max(facts.debtor_total_pence, undone.debtor_total_pence if undone is not None else 0, line.amount_pence)


def blocks_of_credit(*, owed_elsewhere: bool, asked_for: bool, held: bool) -> tuple[DroppedBecause, ...]:
    """All that keeps a credit from going to income (domain.md 4 and 5.3), whoever asks and when: a proposal, or its posting.

    The same people owe on another account, which the credit could pay; its refund is asked for; a case has set some of it aside.
    """
    stands = {
        DroppedBecause.OWED_ELSEWHERE: owed_elsewhere,
        DroppedBecause.CREDIT_ASKED_FOR: asked_for,
        DroppedBecause.CREDIT_HELD: held,
    }
    return tuple(because for because, is_so in stands.items() if is_so)


def _debt(line: WriteOffLine, ground: Ground) -> DroppedBecause | None:
    facts = ground.facts
    if facts.kind is AccountKind.HBO:
        # It would be taken from the provision for rent, which was never raised for it (domain.md 1.1, 2.5).
        return DroppedBecause.OVERPAID_BENEFIT
    if not facts.former and not line.of_current_tenants:
        return DroppedBecause.CURRENT_TENANT
    if line.reason in OF_THE_LIVING and _nobody_lives(facts):
        return DroppedBecause.NOBODY_LIVES
    charges = charges_of(line, facts)
    if line.amount_pence > line.balance_pence or charges is None:
        return DroppedBecause.BALANCE_MOVED
    if {part.element: part.vat_pence for part in line.parts} != _vat_by_element(charges):
        return DroppedBecause.VAT_CHANGED
    if AccountHold.BREATHING_SPACE in facts.account_holds:
        return DroppedBecause.BREATHING_SPACE
    if AccountHold.DISPUTE in facts.account_holds:
        return DroppedBecause.DISPUTE
    if facts.housing_benefit_unresolved:
        return DroppedBecause.HOUSING_BENEFIT
    if (facts.plan is not None and facts.plan.kept) or (line.reason == Reason.UNTRACEABLE and facts.plan_elsewhere is not None):
        # Whoever keeps a plan on another account can be found.
        return DroppedBecause.PAYMENT_PLAN
    if any(other.balance_pence < 0 for other in facts.linked):
        return DroppedBecause.CREDIT_ELSEWHERE
    return None


def _reinstatement(line: WriteOffLine, ground: Ground) -> DroppedBecause | None:
    past = past_write_off(ground.facts, line.undoes)
    back = charges_of(line, ground.facts)
    to_be_owed = [charge for charge in back or () if not charge.undone]
    of_the_undone = _is_of_the_undone(back)
    if past is not None and past.discharged and not line.release_undone and not of_the_undone:
        return DroppedBecause.DISCHARGED
    if past is None or line.amount_pence > past.amount_pence - past.reinstated_pence or not _within(line, ground.left):
        return DroppedBecause.ABOVE_WRITTEN_OFF
    if back is None:
        return DroppedBecause.ABOVE_WRITTEN_OFF
    then = None if line.release_undone else past.released_until
    until = max((day for day in (then, line.released_until) if day is not None), default=None)
    if until is None and insolvency_recorded(ground.facts, taken_back=line.release_undone) and not of_the_undone:
        return DroppedBecause.INSOLVENCY
    # Where nobody kept the charges, they may all have fallen due before the order.
    if until is not None and (not back or any(charge.due_on <= until for charge in to_be_owed)):
        return DroppedBecause.DISCHARGED
    if AccountHold.BREATHING_SPACE in ground.facts.account_holds:
        return DroppedBecause.BREATHING_SPACE
    return None


def _credit(line: WriteOffLine, ground: Ground) -> DroppedBecause | None:
    if not ground.facts.former:
        return DroppedBecause.CURRENT_TENANT
    if line.amount_pence > -line.balance_pence:
        return DroppedBecause.BALANCE_MOVED
    if ground.facts.credit_blocked:
        return ground.facts.credit_blocked[0]
    return DroppedBecause.CREDIT_HELD if line.amount_pence > ground.free_credit_pence else None


def _within(line: WriteOffLine, elements: Mapping[str, int]) -> bool:
    """No part is more than there is of its element, and no element comes twice."""
    named = {part.element for part in line.parts}
    return len(named) == len(line.parts) and all(part.amount_pence <= elements.get(part.element, 0) for part in line.parts)


def charges_of(line: WriteOffLine, facts: DebtFacts) -> tuple[ChargeOwed, ...] | None:
    """What the line takes of each charge or gives back to it, in their order; None where its amounts are not those of its charges.

    Nothing for a credit, nor for what is put back of a write-off of which nobody kept the charges.
    """
    match line.kind:
        case LineKind.WRITE_OFF:
            return _taken(line, facts.charges)
        case LineKind.REINSTATEMENT:
            undone = past_write_off(facts, line.undoes)
            return _given_back(line, undone.charges if undone is not None else ())
        case LineKind.CREDIT_WRITE_ON:
            return ()


def _taken(line: WriteOffLine, owed: Sequence[ChargeOwed]) -> tuple[ChargeOwed, ...] | None:
    """All that is owed of the charges that it names, or of all."""
    charges = _named(line, owed)
    if not _names_each(line, charges):
        return None
    return charges if owed_by_element(charges) == _amounts(line) else None


def _given_back(line: WriteOffLine, left: Sequence[ChargeOwed]) -> tuple[ChargeOwed, ...] | None:
    """Of the charges that it names the first that come back, up to its amounts; all that is left where it names none."""
    if not left and not line.charges:
        return ()
    wanted, back = _amounts(line), []
    for charge in _named(line, left):
        pence = min(charge.owed_pence, wanted.get(charge.element, 0))
        if pence:
            wanted[charge.element] -= pence
            back.append(charge.model_copy(update={"owed_pence": pence}))
    whole = bool(line.charges) or owed_by_element(back) == owed_by_element(left)
    return tuple(back) if whole and _names_each(line, back) and not any(wanted.values()) else None


def _named(line: WriteOffLine, charges: Iterable[ChargeOwed]) -> tuple[ChargeOwed, ...]:
    named = frozenset(line.charges)
    return tuple(charge for charge in charges if not named or charge.journal in named)


def _names_each(line: WriteOffLine, charges: Iterable[ChargeOwed]) -> bool:
    return not line.charges or {charge.journal for charge in charges} == set(line.charges)


def _amounts(line: WriteOffLine) -> dict[str, int]:
    amounts = {part.element: part.amount_pence for part in line.parts}
    # An element that comes twice is of no amount that fits.
    return amounts if len(amounts) == len(line.parts) else {}


def _vat_by_element(charges: Iterable[ChargeOwed]) -> dict[str, int]:
    """It follows what else the garage's tenant rents, and may be another than it was when the line was made (domain.md 1.5)."""
    elements: dict[str, int] = defaultdict(int)
    for charge in charges:
        elements[charge.element] += charge.vat_pence
    return dict(elements)


def insolvency_recorded(facts: DebtFacts, *, taken_back: bool) -> bool:
    """Somebody's order may have released the debt: it is known for the account, or of each who owes it.

    `taken_back`: the order by which they are insolvent was annulled, revoked, has failed or was struck; the account's hold is lifted apart.
    """
    living = [person for person in facts.people if person.died_on is None] or facts.people
    each = bool(living) and all(person.insolvent for person in living)
    return AccountHold.INSOLVENCY in facts.account_holds or (each and not taken_back)


def past_write_off(facts: DebtFacts, journal: UUID | None) -> PastWriteOff | None:
    return next((past for past in facts.write_offs if past.journal == journal), None)


def posting_of(line: WriteOffLine, decision: UUID, today: date, actor: str) -> Posting:
    """The line's journal: an entry for each element, against the provision, or against income where a credit is written on."""
    sign = -1 if line.kind is LineKind.WRITE_OFF else 1
    legs = tuple(Leg(line.account, part.element, sign * part.amount_pence) for part in line.parts)
    contra = Leg(CONTROL_ACCOUNTS[_CONTRA[line.kind]], "", -sign * line.amount_pence)
    return Posting(key_of(line), CODES[line.kind], today, (*legs, contra), actor, line.reason, case=line.line, decision=decision)


def key_of(line: WriteOffLine) -> str:
    return f"write-off/{line.line}/{line.attempt}"
