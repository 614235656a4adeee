"""Where a proposal stands on a day: what is wanted, what stands in the way, and what would post (domain.md 5.2 and 5.3)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from rentbook_contracts.ledger import (
    CHARGES_IN_A_LINE,
    AccountHold,
    AccountKind,
    AccountStatus,
    Addressee,
    ChargeOwed,
    DebtFacts,
    DroppedBecause,
    LineKind,
    LinePart,
    PastWriteOff,
    StandingCredit,
    WriteOffLine,
)
from rentbook_contracts.notices import goes_to
from rentbook_contracts.words import counted
from rentbook_contracts.writeoffs import OF_THE_LIVING, BarredCharge, EvidenceKind, OrderKind, Reason, RungShown

from writeoffs.domain.barred import WHY_NO_DAY, Clock, barred_charges
from writeoffs.domain.days import in_words, years_after
from writeoffs.domain.insolvency import (
    held_until,
    insolvency_recorded,
    is_in_an_arrangement,
    is_of_another,
    is_release_undone,
    moratorium_ends,
    not_said_of,
    released_until,
    standing,
)
from writeoffs.domain.ladder import (
    OF_THE_ESTATE,
    OF_THE_HOUSEHOLD,
    NextLetter,
    Proof,
    Start,
    climbed,
    counting,
    first_of_each,
    next_letter,
    wait_until,
)
from writeoffs.domain.money import pounds
from writeoffs.domain.policy import TO_PUT_BACK, Ladder, NoLadder, WriteOffPolicy, ladder_for

REASONS: dict[LineKind, frozenset[Reason]] = {
    LineKind.REINSTATEMENT: TO_PUT_BACK,
    LineKind.CREDIT_WRITE_ON: frozenset({Reason.UNCLAIMED}),
}
REASONS[LineKind.WRITE_OFF] = frozenset(Reason) - REASONS[LineKind.REINSTATEMENT] - REASONS[LineKind.CREDIT_WRITE_ON]

OF_ONE_PERSON = frozenset(
    {
        Reason.BANKRUPTCY, Reason.DEBT_RELIEF_ORDER, Reason.VOLUNTARY_ARRANGEMENT, Reason.CARE_HOME, Reason.PRISON, Reason.EMIGRATED,
        Reason.UNTRACEABLE, Reason.JUDGMENT_UNENFORCEABLE,
    }
)  # fmt: skip
"""What is true of a person, while each joint tenant owes the whole debt."""

ORDER_OF: dict[Reason, OrderKind] = {
    Reason.BANKRUPTCY: OrderKind.BANKRUPTCY,
    Reason.DEBT_RELIEF_ORDER: OrderKind.DEBT_RELIEF_ORDER,
    Reason.VOLUNTARY_ARRANGEMENT: OrderKind.VOLUNTARY_ARRANGEMENT,
}
"""By which order the law releases the debtor, where that is the reason."""

_TAKEN_BACK: dict[OrderKind, str] = {
    OrderKind.BANKRUPTCY: "the bankruptcy was annulled",
    OrderKind.DEBT_RELIEF_ORDER: "the debt relief order was revoked",
    OrderKind.VOLUNTARY_ARRANGEMENT: "the arrangement has failed",
}

DATED_BY_THE_DEBT = frozenset(
    {
        EvidenceKind.LETTER_SENT, EvidenceKind.LETTER_ANSWERED, EvidenceKind.CONTACT, EvidenceKind.EXECUTOR_REPLY, EvidenceKind.TRACE,
        EvidenceKind.AGENCY_INSTRUCTED, EvidenceKind.AGENCY_RETURN, EvidenceKind.FOUND, EvidenceKind.RETURN_ATTEMPT,
        EvidenceKind.INSUFFICIENT_FUNDS, EvidenceKind.NO_ASSETS, EvidenceKind.MANAGER_NOTE,
    }
)  # fmt: skip
"""What was done or said about a debt or a credit, or of what there was to pay it with: nothing of the kind is older than that."""

_SAID_TO_THE_ESTATE = frozenset({EvidenceKind.LETTER_SENT, EvidenceKind.INSUFFICIENT_FUNDS})
"""What is said to an estate, or of it: before the death there was none."""

NOT_A_FORMER_TENANTS = (
    "Only a former tenant’s credit goes to income. While the account is in use it pays what falls due,"
    " or is refunded to whoever asks for it."
)

DROPS: dict[str, str] = {
    DroppedBecause.BALANCE_MOVED: "What is owed on the account has changed.",
    DroppedBecause.OVERPAID_BENEFIT: "Overpaid Housing Benefit is no debt of the Housing Revenue Account: it is not written off here.",
    DroppedBecause.CURRENT_TENANT: (
        "The tenancy has not ended. Only a former tenant’s arrears are written off for this reason, and only a former tenant’s credit goes"
        " to income: end the tenancy first."
    ),
    DroppedBecause.VAT_CHANGED: "The VAT in it has changed, with what else the tenant of the garage rents.",
    DroppedBecause.BREATHING_SPACE: "Breathing Space has begun.",
    DroppedBecause.DISPUTE: "The debt is disputed.",
    DroppedBecause.HOUSING_BENEFIT: "A Housing Benefit claim is unresolved.",
    DroppedBecause.PAYMENT_PLAN: "A payment plan is being kept.",
    DroppedBecause.CREDIT_ELSEWHERE: "There is credit on another account of the same people.",
    DroppedBecause.DEBTOR_OWES_MORE: "The debtor owes more in all than this decision, or its evidence, covers.",
    DroppedBecause.CREDITS_ABOVE: "The same people have more in credit, or had more of it taken to income, than this decision covers.",
    DroppedBecause.OWED_ELSEWHERE: "The same people owe on another account, which the credit could pay.",
    DroppedBecause.CREDIT_ASKED_FOR: "A refund of the credit is asked for.",
    DroppedBecause.CREDIT_HELD: "The credit is set aside for a refund, or is no longer there.",
    DroppedBecause.ABOVE_WRITTEN_OFF: "It is more than is left to put back of what was written off.",
    DroppedBecause.DISCHARGED: "The law has released the debtor.",
    DroppedBecause.INSOLVENCY: "An insolvency is recorded, and no order that says what it has released.",
    DroppedBecause.PEOPLE_CHANGED: "Somebody else answers for the account by now, or somebody lives who was said to have died.",
    DroppedBecause.NOBODY_LIVES: "Nobody who owes it lives: withdraw this, and propose it because of the death (deceased).",
    DroppedBecause.CREDIT_GONE: "The credit that it answers is no longer on the account.",
    DroppedBecause.DECIDER_BEHIND: (
        "Somebody who decided it had a hand in what it rests on: in an entry, a hold, a plan or a note on an account of the same people, "
        "or in a proposal about them."
    ),
}


HEARD: dict[EvidenceKind, str] = {
    EvidenceKind.LETTER_ANSWERED: "A letter about it was answered.",
    EvidenceKind.EXECUTOR_REPLY: "Whoever deals with the estate has replied.",
    EvidenceKind.CONTACT: "There was contact about it.",
    EvidenceKind.FOUND: "Somebody who owes it was found.",
    EvidenceKind.SIGNED_ACKNOWLEDGMENT: "The debt was acknowledged in writing.",
    EvidenceKind.COURT_ACTION: "Action was taken in court.",
    EvidenceKind.INSOLVENCY_ORDER: "An order of insolvency became known of somebody who owes it.",
    EvidenceKind.DISCHARGE: "Somebody who owes it was discharged from an insolvency.",
    EvidenceKind.BANKRUPTCY_ANNULLED: "A bankruptcy of somebody who owes it was annulled.",
    EvidenceKind.DEBT_RELIEF_REVOKED: "A debt relief order of somebody who owes it was revoked.",
    EvidenceKind.ARRANGEMENT_FAILED: "A voluntary arrangement of somebody who owes it has failed.",
}
"""Why a listed line is dropped by what was heard of it (HEARD_WHILE_LISTED)."""

STRUCK = "Evidence on which it rested was struck: it was entered in error."
"""Why a listed line is dropped by what is struck."""


LEFT_OUT = "Left out of the schedule by whoever decided it: look at it again, and confirm it or withdraw it."
"""What keeps a proposal from the next schedule until a person has worked on it."""


class Passing(str):
    """What stands in the way until a day of its own, or until word comes by itself: before that nobody can do anything about it."""

    __slots__ = ()


BREATHING_SPACE = Passing("Breathing Space runs: refer, and wait until it is lifted.")


@dataclass(frozen=True)
class Standing:
    """What was proposed. `balance_pence` is the account's balance when it was proposed, or last confirmed, on which what is put back does
    not rest; `charges`, of a debt of which a part may go, or to which weeks are added still, what was owed of each charge then; None where
    nobody kept that.

    `undone_parts`: all of the write-off that is to be put back, of which `back_pence` came back before. `orders`: the orders of
    insolvency and discharges that are known of whoever owes, to whichever proposal they were brought. `letters_ever`: how many letters of
    each kind were sent, what was struck among them; `written_on`: when the last of each was, about this account. `order_struck`: an order
    of theirs, or a discharge, was an error. `left_out`: a decision left its line out, and nobody has worked on it since. `heard`: when
    somebody last noted on an account of the same people that they spoke with the tenant, and what was brought of them to proposals about
    other accounts of theirs, where it matters.
    """

    kind: LineKind
    reason: Reason
    balance_pence: int
    proofs: Sequence[Proof]
    undoes: UUID | None = None
    wanted_pence: int | None = None
    undone_parts: tuple[LinePart, ...] = ()
    orders: Sequence[Proof] = ()
    order_struck: bool = False
    letters_ever: Mapping[EvidenceKind, int] = field(default_factory=dict)
    written_on: Mapping[EvidenceKind, date] = field(default_factory=dict)
    left_out: bool = False
    heard: Sequence[Proof] = ()
    charges: tuple[ChargeOwed, ...] | None = None
    back_pence: int = 0


@dataclass(frozen=True)
class Assessment:
    """`look_again_on`: the day on which time alone may take it further; None where only an event or a person can.

    `letter`: what is to be written, now or from its day on; None while something blocks it. A credit that is only too young for income
    (`only_young`) is the time in which its owner is written to. `address_missing`: nobody knows where that letter could go. `stays_pence`:
    credit that came within the years of the policy, and stays on the account when the rest goes to income.
    `chosen`: what would post of each charge. `named`: their journals; none where that is of all that a former tenant owes, or that is left
    to be put back.
    `released_until`: what fell due by then the law has released, as far as orders are known of each who owes it, or holds,
    where it is to be put back. `release_undone`: what the law had released when it was written off it has not after all.
    `up_to_pence`: the highest debtor's total for which the ladder asks no more than this; None has no upper edge, nor has a credit.
    """

    rungs: tuple[RungShown, ...]
    blocked: tuple[str, ...]
    charges: tuple[BarredCharge, ...]
    parts: tuple[LinePart, ...]
    chosen: tuple[ChargeOwed, ...]
    named: tuple[UUID, ...]
    released_until: date | None
    debtor_total_pence: int
    look_again_on: date | None
    letter: NextLetter | None
    only_young: bool
    address_missing: bool
    stays_pence: int = 0
    release_undone: bool = False
    up_to_pence: int | None = None

    @property
    def amount_pence(self) -> int:
        return sum(part.amount_pence for part in self.parts)

    @property
    def ready(self) -> bool:
        return not self.blocked and bool(self.parts) and all(rung.met for rung in self.rungs)


def assess(proposed: Standing, facts: DebtFacts, policy: WriteOffPolicy, today: date) -> Assessment:
    """Where the policy in force has no ladder for this reason and what is owed now, that blocks it."""
    undone = past_write_off(facts, proposed.undoes)
    release_undone = undone is not None and is_release_undone(undone, proposed.orders, facts, proposed.order_struck)
    facts = as_the_law_stands(facts, proposed.orders, proposed.order_struck)
    charges = barred_charges(facts.charges, facts.kind, _clock(proposed.proofs), policy.limitation_years, today)
    each = _each_who_owes(proposed.reason, facts)
    ordered_on = _released_until(proposed, policy, each)
    chosen = _chosen(proposed, facts, charges, ordered_on)
    in_part = _is_in_part(chosen, proposed, facts)
    then = _chosen_then(proposed, facts, policy, ordered_on, today) if in_part else None
    parts = _parts(proposed, facts, chosen, policy, today)
    credit = proposed.kind is LineKind.CREDIT_WRITE_ON
    ladder, missing = _ladder(proposed, facts, policy)
    proofs, starts = (*_of_this_debt(proposed), *_signs_of_life(proposed, facts)), _starts(proposed, facts, charges)
    of_all = OF_THE_ESTATE if proposed.reason is Reason.DECEASED else OF_THE_HOUSEHOLD
    rests = () if credit else tuple((one.first_day, one.last_day or today) for one in facts.rests)
    rungs = climbed(ladder, proofs, today, starts, each, of_all, rests) if ladder else ()
    blocked = (
        *missing,
        *_not_listed(proposed),
        *_of_another_kind(proposed, rungs),
        *_not_released(facts, ordered_on),
        *_blocks(proposed, facts, charges, policy),
        *(_moved(proposed, facts) if then is None else _charges_moved(then, chosen)),
    )
    young = tuple(_young(proposed, facts, policy, today))
    counts = counting(proofs, starts)
    ever, last_on = proposed.letters_ever, proposed.written_on
    letter = next_letter(ladder, counts, today, rungs, ever, last_on, rests) if ladder and not blocked else None
    letter_on = letter.from_on if letter is not None and letter.from_on > today else None
    days = [day for day in (wait_until(rungs), _waits(proposed, facts, charges, policy, today), letter_on) if day is not None]
    return Assessment(
        rungs=rungs,
        blocked=(*blocked, *young),
        charges=charges,
        parts=parts,
        chosen=chosen,
        named=tuple(dict.fromkeys(one.journal for one in chosen)) if in_part else (),
        released_until=_told_to_the_ledger(proposed, facts),
        debtor_total_pence=max(total_pence(proposed.kind, facts, proposed.undoes), sum(part.amount_pence for part in parts)),
        look_again_on=min(days, default=None),
        letter=letter,
        only_young=bool(young) and not blocked,
        address_missing=letter is not None and _addressee(letter, facts) not in facts.reachable,
        stays_pence=-facts.balance_pence - sum(part.amount_pence for part in parts) if credit and parts else 0,
        release_undone=release_undone,
        up_to_pence=ladder.to_pence if ladder and not credit else None,
    )


def _starts(proposed: Standing, facts: DebtFacts, charges: Sequence[BarredCharge]) -> dict[EvidenceKind, Start]:
    """What evidence is not of before: the debt or the credit; the death, for what an estate is told; the barring, for who confirms it."""
    days = {kind: not_before(proposed.kind, kind, facts) for kind in DATED_BY_THE_DEBT}
    what = "the account was in credit, from" if proposed.kind is LineKind.CREDIT_WRITE_ON else "the oldest charge that is owed fell due on"
    starts = {kind: Start(day, f"{what} {in_words(day)}") for kind, day in days.items() if day is not None}
    if proposed.reason is Reason.DECEASED:
        _later(starts, _SAID_TO_THE_ESTATE, _died_on(facts), "the death on")
        _later(starts, {EvidenceKind.DEATH}, min(_deaths(facts), default=None), "the death on")
    if proposed.reason is Reason.STATUTE_BARRED:
        _later(starts, {EvidenceKind.LEGAL_CONFIRMATION}, _first_barred(charges), "the first charge is barred, on")
    return starts


def _later(starts: dict[EvidenceKind, Start], kinds: Collection[EvidenceKind], day: date | None, what: str) -> None:
    for kind in kinds:
        if day is not None and (kind not in starts or starts[kind].on < day):
            starts[kind] = Start(day, f"{what} {in_words(day)}")


def _deaths(facts: DebtFacts) -> list[date]:
    return [person.died_on for person in facts.people if person.died_on is not None]


def _died_on(facts: DebtFacts) -> date | None:
    """Since when nobody who owes it lives; None while somebody does."""
    deaths = _deaths(facts)
    return max(deaths, default=None) if len(deaths) == len(facts.people) else None


def _first_barred(charges: Iterable[BarredCharge]) -> date | None:
    return min((one.bars_on for one in charges if one.bars_on is not None), default=None)


def _of_this_debt(proposed: Standing) -> tuple[Proof, ...]:
    """Without the orders that were taken back, that are of another kind than the reason, or that do not list this debt, and without what
    discharges from those: a bankruptcy's discharge completes no arrangement that came before it.
    """
    kinds = (None, ORDER_OF.get(proposed.reason))
    told = standing(proposed.proofs, proposed.orders)
    orders = [one for one in told if one.kind is EvidenceKind.INSOLVENCY_ORDER]
    of_another = [one for one in orders if one.listed is False or one.order_kind not in kinds]
    mine = [one for one in orders if one not in of_another]
    others = [*of_another, *(one for one in standing(proposed.orders) if one.order_kind not in kinds)]
    gone = [*of_another, *(one for one in told if one.kind is EvidenceKind.DISCHARGE and is_of_another(one, mine, others))]
    return tuple(one for one in told if one not in gone)


def _signs_of_life(proposed: Standing, facts: DebtFacts) -> tuple[Proof, ...]:
    """Who spoke with us, paid, agreed a plan, asked for a refund, or was found, is not untraceable: the months begin anew, though nobody
    brought it here (domain.md 5.2). What became of the plan, or of the request, does not matter.
    """
    if proposed.reason is not Reason.UNTRACEABLE:
        return ()
    days = (facts.paid_on, facts.asked_on)
    return *proposed.heard, *(Proof(EvidenceKind.CONTACT, day) for day in days if day is not None)


def _not_listed(proposed: Standing) -> Iterable[str]:
    if proposed.reason not in ORDER_OF:
        return
    for one in standing(proposed.proofs, proposed.orders):
        if one.listed is False and one.order_kind is ORDER_OF[proposed.reason]:
            yield f"The order of {in_words(one.on)} does not list this debt: it is not released by it."


def _of_another_kind(proposed: Standing, rungs: Sequence[RungShown]) -> Iterable[str]:
    """Whoever brought an order that counts for nothing here reads why."""
    wanted = ORDER_OF.get(proposed.reason)
    if wanted is None or all(rung.met for rung in rungs):
        return
    stands, counts = standing(proposed.proofs, proposed.orders), _of_this_debt(proposed)
    for one in stands:
        if one.kind is EvidenceKind.INSOLVENCY_ORDER and one.order_kind not in (None, wanted):
            of, not_of = (kind.replace("-", " ") for kind in (one.order_kind, wanted))
            yield f"The order of {in_words(one.on)} is a {of}, and the reason is a {not_of}: it does not count for that."
        if one.kind is EvidenceKind.DISCHARGE and one not in counts:
            yield f"The discharge of {in_words(one.on)} is of another order, the last one before it: it does not count for this one."
    own = standing(proposed.proofs)
    for one in proposed.proofs:
        if one.kind is EvidenceKind.INSOLVENCY_ORDER and one.order_kind in (None, wanted) and one not in own:
            yield f"The order of {in_words(one.on)} counts no more: {_TAKEN_BACK[wanted]}."
    for one in own:
        if one.kind is EvidenceKind.INSOLVENCY_ORDER and one.order_kind in (None, wanted) and one not in stands:
            yield f"The order of {in_words(one.on)} counts no more: on another proposal it was noted that it stands no longer."


def still_wanted(reason: Reason, facts: DebtFacts, rungs: Iterable[RungShown]) -> tuple[str, ...]:
    """What evidence is missing, in words; and of which joint tenants, where what names none of them does not count."""
    each = len(_each_who_owes(reason, facts))
    died = reason is Reason.DECEASED
    of_all = OF_THE_ESTATE if died else OF_THE_HOUSEHOLD
    whose = f"each of the {each} joint tenants who {'died' if died else 'live'}"
    if each == 1:
        whose = f"the joint tenant who {'died' if died else 'lives'}"
    return tuple(
        f"{rung.wanted}, of {whose}" if each and of_all.isdisjoint(rung.shown_by) else rung.wanted for rung in rungs if not rung.met
    )


def not_before(line: LineKind, evidence: EvidenceKind, facts: DebtFacts) -> date | None:
    """The first day of which such evidence can be: nobody wrote about a debt, or tried to return a credit, before it was there.

    None where its day says nothing: a person may have died, or moved abroad, before the debt arose.
    """
    if evidence not in DATED_BY_THE_DEBT:
        return None
    match line:
        case LineKind.CREDIT_WRITE_ON:
            return facts.credit_since
        case LineKind.WRITE_OFF:
            return min((charge.due_on for charge in facts.charges), default=None)
        case LineKind.REINSTATEMENT:
            return None


def _each_who_owes(reason: Reason, facts: DebtFacts) -> tuple[UUID, ...]:
    """The joint tenants who live: a reason that is true of one person is to be shown for each (domain.md 5.3). Where they have died, that
    is to be shown of each who has. None where there was one tenant alone, of whom all evidence is.
    """
    if reason not in OF_ONE_PERSON | {Reason.DECEASED} or len(facts.people) == 1:
        return ()
    return tuple(person.person for person in facts.people if (person.died_on is not None) is (reason is Reason.DECEASED))


def _released_until(proposed: Standing, policy: WriteOffPolicy, each_of: Collection[UUID]) -> date | None:
    """The day of the order by which the law releases the debt: what fell due after it is owed all the same (domain.md 5.3).

    Of joint tenants each owes the whole debt, so it is the earliest of their orders. None where no law releases, or there is no order yet.
    """
    if proposed.kind is not LineKind.WRITE_OFF or not is_discharging(policy, proposed.reason):
        return None
    return min((proof.on for proof in first_of_each(_of_this_debt(proposed), EvidenceKind.INSOLVENCY_ORDER, each_of)), default=None)


def _not_released(facts: DebtFacts, until: date | None) -> Iterable[str]:
    if until is not None and facts.charges and all(charge.due_on > until for charge in facts.charges):
        yield f"All that is owed fell due after the order of {in_words(until)}: it is not released by it."


def _addressee(letter: NextLetter, facts: DebtFacts) -> Addressee:
    return goes_to(letter.kind, somebody_lives=any(person.died_on is None for person in facts.people))


def is_discharging(policy: WriteOffPolicy, reason: Reason) -> bool:
    return reason in policy.discharging


def rests_on_orders(line: WriteOffLine) -> bool:
    """Whether what is known of orders, on whichever account of the same people, lets it through or stands in it. No credit rests on any."""
    if line.kind is LineKind.WRITE_OFF:
        return Reason(line.reason) in ORDER_OF or line.discharged or line.released_until is not None
    return line.kind is LineKind.REINSTATEMENT


def _ladder(proposed: Standing, facts: DebtFacts, policy: WriteOffPolicy) -> tuple[Ladder | None, tuple[str, ...]]:
    try:
        return ladder_for(policy, proposed.reason, size(proposed.kind, facts, proposed.undoes), facts.kind), ()
    except NoLadder as rule:
        return None, (rule.message,)


def size(kind: LineKind, facts: DebtFacts, undoes: UUID | None) -> int:
    """What the bands of a ladder compare with: the debtor's total, so that no debt asks for less by being split, over accounts or in time
    (domain.md 5.3); of a credit what is on the account, without a sign.
    """
    return max(1, -facts.balance_pence if kind is LineKind.CREDIT_WRITE_ON else debtor_total(facts, undoes))


def total_pence(kind: LineKind, facts: DebtFacts, undoes: UUID | None) -> int:
    """What decides who has authority, beside the line's own amount: all that the same people owe, or all that they have in credit."""
    return facts.credits_total_pence if kind is LineKind.CREDIT_WRITE_ON else debtor_total(facts, undoes)


def debtor_total(facts: DebtFacts, undoes: UUID | None) -> int:
    """What decides who has authority. Of what is put back it is no less than what that was written off with."""
    undone = past_write_off(facts, undoes)
    return max(facts.debtor_total_pence, undone.debtor_total_pence if undone is not None else 0)


def _clock(proofs: Iterable[Proof]) -> Clock:
    told = list(proofs)
    return Clock(
        acknowledged=tuple(proof.on for proof in told if proof.kind is EvidenceKind.SIGNED_ACKNOWLEDGMENT),
        action=tuple(proof.on for proof in told if proof.kind is EvidenceKind.COURT_ACTION),
    )


def as_the_law_stands(facts: DebtFacts, orders: Sequence[Proof], order_struck: bool) -> DebtFacts:
    """Without what the law had released when a debt was written off, where that stands no longer; nor is who owes it insolvent by that
    order then. The account's hold is for somebody to lift.
    """
    undone = {past.journal for past in facts.write_offs if is_release_undone(past, orders, facts, order_struck)}
    if not undone:
        return facts
    known = tuple(
        past.model_copy(update={"discharged": False, "released_until": None}) if past.journal in undone else past
        for past in facts.write_offs
    )
    people = tuple(one.model_copy(update={"insolvent": False}) for one in facts.people)
    return facts.model_copy(update={"write_offs": known, "people": people})


def known_released_until(proposed: Standing, facts: DebtFacts) -> date | None:
    """Until when the law has released whoever owes, whatever is proposed and for whatever reason; None where no order is known of each.

    For what is to be put back, also what was known when it was written off.
    """
    undone = past_write_off(facts, proposed.undoes)
    days = (
        released_until(proposed.orders, facts.people, facts.account, facts.as_of), undone.released_until if undone is not None else None
    )  # fmt: skip
    return max((day for day in days if day is not None), default=None)


def known_held_until(proposed: Standing, facts: DebtFacts) -> date | None:
    """As `known_released_until`, with what a debt relief order or a voluntary arrangement only holds: it is not put back meanwhile."""
    days = (held_until(proposed.orders, facts.people, facts.account), known_released_until(proposed, facts))
    return max((day for day in days if day is not None), default=None)


def _told_to_the_ledger(proposed: Standing, facts: DebtFacts) -> date | None:
    """With a write-off it keeps for good what is released by then; what is only held may be revoked yet."""
    to_put_back = proposed.kind is LineKind.REINSTATEMENT
    return known_held_until(proposed, facts) if to_put_back else known_released_until(proposed, facts)


def _of_all(proposed: Standing, facts: DebtFacts) -> tuple[ChargeOwed, ...]:
    """The charges of which what is proposed may take, or to which it may give back."""
    undone = past_write_off(facts, proposed.undoes)
    return facts.charges if proposed.kind is LineKind.WRITE_OFF else undone.charges if undone is not None else ()


def _chosen(proposed: Standing, facts: DebtFacts, charges: Sequence[BarredCharge], ordered_on: date | None) -> tuple[ChargeOwed, ...]:
    """What goes of each charge, the oldest first, or comes back to it, first what was undone since."""
    if proposed.kind is LineKind.WRITE_OFF:
        barred_only = proposed.reason is Reason.STATUTE_BARRED
        confirmed = _confirmed_by(proposed, charges)
        goes = [one.charge for one in charges if not barred_only or (one.bars_on is not None and one.barred and one.bars_on <= confirmed)]
        if ordered_on is not None:
            chosen = tuple(one for one in goes if one.due_on <= ordered_on)
        elif _goes_on(proposed, facts) and proposed.charges is not None and not barred_only:
            then = frozenset(one.journal for one in proposed.charges)
            chosen = tuple(one for one in goes if one.journal in then)
        else:
            chosen = tuple(goes)
    else:
        undone = past_write_off(facts, proposed.undoes)
        left = may_come_back(undone, known_held_until(proposed, facts)) if undone is not None else ()
        chosen = first_of_charges(left, proposed.wanted_pence)
    within = frozenset(tuple(dict.fromkeys(one.journal for one in chosen))[:CHARGES_IN_A_LINE])
    return tuple(one for one in chosen if one.journal in within) if _is_in_part(chosen, proposed, facts) else chosen


def _is_in_part(chosen: tuple[ChargeOwed, ...], proposed: Standing, facts: DebtFacts) -> bool:
    """Whether it is of particular charges, which its line names: of less than all that is owed, or left to be put back; and wherever the
    tenancy goes on, for the next week's debit is none of them.
    """
    return chosen != _of_all(proposed, facts) or _goes_on(proposed, facts)


def _goes_on(proposed: Standing, facts: DebtFacts) -> bool:
    return proposed.kind is LineKind.WRITE_OFF and not facts.former


def _confirmed_by(proposed: Standing, charges: Sequence[BarredCharge]) -> date:
    """By when legal services have last confirmed that charges are barred: of one that was barred later they have said nothing yet.

    The end of days where they have still to confirm any.
    """
    first = _first_barred(charges)
    said = [proof.on for proof in proposed.proofs if proof.kind is EvidenceKind.LEGAL_CONFIRMATION]
    return max((day for day in said if first is not None and day >= first), default=date.max)


def left_to_put_back(past: PastWriteOff, until: date | None) -> int:
    """What of a write-off nobody has put back and may be, by what is known `until` when the law has released. Pence."""
    if until is None and not past.discharged:
        return past.amount_pence - past.reinstated_pence
    return sum(charge.owed_pence for charge in may_come_back(past, until))


def left_of_the_undone(past: PastWriteOff) -> int:
    """What of a write-off is of charges that were undone since and not put back: it stands for nothing any more. Pence."""
    return sum(charge.owed_pence for charge in past.charges if charge.undone)


@dataclass(frozen=True)
class Refusal:
    """On a day somebody decided that so much of what had been paid is not put back."""

    on: date
    pence: int


def still_refused(refusals: Iterable[Refusal], stood: Sequence[StandingCredit]) -> int:
    """What was refused, oldest first, and lies on the account still. Pence. What has gone since is not that money any more when it is paid
    anew: of no refusal counts more than the lowest credit that there was since its day.
    """
    refused = 0
    for one in refusals:
        refused = min(refused + one.pence, sum(part.pence for part in stood if part.since <= one.on))
    return refused


def may_come_back(past: PastWriteOff, until: date | None) -> tuple[ChargeOwed, ...]:
    """What no order has released, or holds. Nobody owes a charge that was undone: what was written off of it comes back all the same, so
    that the account owes what is owed, and no more is in credit than was paid.
    """
    return tuple(one for one in past.charges if one.undone or (not past.discharged and (until is None or one.due_on > until)))


def _parts(proposed: Standing, facts: DebtFacts, chosen: Sequence[ChargeOwed], policy: WriteOffPolicy, today: date) -> tuple[LinePart, ...]:
    match proposed.kind:
        case LineKind.WRITE_OFF:
            return by_element(chosen)
        case LineKind.REINSTATEMENT:
            return (
                by_element(chosen)
                if _of_all(proposed, facts)
                else part_of(proposed.undone_parts, proposed.wanted_pence, proposed.back_pence)
            )
        case LineKind.CREDIT_WRITE_ON:
            stood = _stood_long_enough(facts, policy, today)
            return (LinePart(element="", amount_pence=stood),) if stood else ()


def _stood_long_enough(facts: DebtFacts, policy: WriteOffPolicy, today: date) -> int:
    """The lowest credit that there was throughout the years of the policy: what was paid in since is no credit that nobody claimed."""
    return sum(part.pence for part in facts.credit_stood if years_after(part.since, policy.unclaimed_after_years) <= today)


def by_element(charges: Iterable[ChargeOwed]) -> tuple[LinePart, ...]:
    """What is owed, element by element, in the order of their names."""
    owed: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for charge in charges:
        amount, vat = owed[charge.element]
        owed[charge.element] = (amount + charge.owed_pence, vat + charge.vat_pence)
    return tuple(LinePart(element=name, amount_pence=amount, vat_pence=vat) for name, (amount, vat) in sorted(owed.items()))


def first_of_charges(charges: Sequence[ChargeOwed], wanted_pence: int | None) -> tuple[ChargeOwed, ...]:
    """The first of the charges up to an amount; VAT as `_next_of` takes it."""
    amounts = [
        (one.of_pence, one.of_vat_pence, one.owed_pence) if one.of_pence else (one.owed_pence, one.vat_pence, one.owed_pence)
        for one in charges
    ]
    taken = zip(charges, _next_of(amounts, wanted_pence), strict=False)
    return tuple(charge.model_copy(update={"owed_pence": amount, "vat_pence": vat}) for charge, (amount, vat) in taken)


def part_of(parts: Sequence[LinePart], wanted_pence: int | None, back_pence: int = 0) -> tuple[LinePart, ...]:
    """The first of the parts up to an amount, where so much of the parts came back before; VAT as `_next_of` takes it."""
    left = []
    for part in parts:
        back = min(part.amount_pence, back_pence)
        back_pence -= back
        if part.amount_pence > back:
            left.append((part, part.amount_pence - back))
    taken = zip(left, _next_of([(part.amount_pence, part.vat_pence, pence) for part, pence in left], wanted_pence), strict=False)
    return tuple(LinePart(element=part.element, amount_pence=amount, vat_pence=vat) for (part, _), (amount, vat) in taken)


def _next_of(amounts: Sequence[tuple[int, int, int]], wanted_pence: int | None) -> list[tuple[int, int]]:
    """As many as make up what is wanted, all where nothing is said, of amounts told as the whole, the VAT in that, and what is left of it.

    VAT in proportion, rounded half up from the first penny of the whole on: however often some of it is taken, the pieces bear no other
    VAT in all than the whole does.
    """
    wanted = sum(left for *_, left in amounts) if wanted_pence is None else wanted_pence
    taken: list[tuple[int, int]] = []
    for whole, vat, left in amounts:
        amount, before = min(left, wanted), whole - left
        if amount <= 0:
            break
        taken.append((amount, _share(vat, before + amount, whole) - _share(vat, before, whole)))
        wanted -= amount
    return taken


def _share(vat: int, of: int, whole: int) -> int:
    return (2 * vat * of + whole) // (2 * whole)


def _waits(proposed: Standing, facts: DebtFacts, charges: Sequence[BarredCharge], policy: WriteOffPolicy, today: date) -> date | None:
    """The day on which a charge becomes barred, or a credit old enough."""
    if proposed.reason is Reason.STATUTE_BARRED and not any(one.barred for one in charges):
        return min((one.bars_on for one in charges if one.bars_on is not None), default=None)
    if proposed.kind is LineKind.CREDIT_WRITE_ON and not _stood_long_enough(facts, policy, today) and facts.credit_since is not None:
        return years_after(facts.credit_since, policy.unclaimed_after_years)
    return None


def _blocks(proposed: Standing, facts: DebtFacts, charges: Sequence[BarredCharge], policy: WriteOffPolicy) -> tuple[str, ...]:
    of_kind = {
        LineKind.WRITE_OFF: lambda: _blocks_of_debt(proposed, facts, charges, policy),
        LineKind.REINSTATEMENT: lambda: _blocks_of_reinstatement(proposed, facts),
        LineKind.CREDIT_WRITE_ON: lambda: _blocks_of_credit(facts),
    }
    return (*((LEFT_OUT,) if proposed.left_out else ()), *of_kind[proposed.kind]())


def goes_in_part(kind: LineKind, reason: Reason, policy: WriteOffPolicy) -> bool:
    """Whether a part of what is owed may go, of charges that its line names: what is barred, or what an order releases."""
    return kind is LineKind.WRITE_OFF and (reason is Reason.STATUTE_BARRED or is_discharging(policy, reason))


def _chosen_then(
    proposed: Standing, facts: DebtFacts, policy: WriteOffPolicy, ordered_on: date | None, today: date
) -> tuple[ChargeOwed, ...] | None:
    """What would go, by all that is known today, of what was owed when it was proposed or last confirmed; None where nobody kept that."""
    if proposed.charges is None:
        return None
    owed_then = facts.model_copy(update={"charges": proposed.charges})
    charges = barred_charges(owed_then.charges, facts.kind, _clock(proposed.proofs), policy.limitation_years, today)
    return _chosen(proposed, owed_then, charges, ordered_on)


def _charges_moved(then: Sequence[ChargeOwed], now: Sequence[ChargeOwed]) -> Iterable[str]:
    """A line that names its charges rests on what is owed of those: the next week's debit is none of them."""
    if _owed_of_each(then) != _owed_of_each(now):
        was, is_now = (pounds(sum(charge.owed_pence for charge in charges)) for charges in (then, now))
        yield (
            f"What is owed of the charges that would go has changed since it was proposed, from {was} to {is_now}: "
            "look at it again and confirm it, or withdraw it."
        )


def _owed_of_each(charges: Iterable[ChargeOwed]) -> dict[tuple[UUID, str], int]:
    return {(charge.journal, charge.element): charge.owed_pence for charge in charges}


def _moved(proposed: Standing, facts: DebtFacts) -> Iterable[str]:
    """What is put back rests on what is left of the write-off and on the credit that it answers, and not on the balance."""
    if proposed.kind is not LineKind.REINSTATEMENT and facts.balance_pence != proposed.balance_pence:
        yield (
            f"The balance has moved from {balance(proposed.balance_pence)} to {balance(facts.balance_pence)} since it was proposed: "
            "look at it again and confirm it, or withdraw it."
        )


def _blocks_of_debt(proposed: Standing, facts: DebtFacts, charges: Sequence[BarredCharge], policy: WriteOffPolicy) -> Iterable[str]:
    if facts.balance_pence <= 0:
        yield "Nothing is owed on the account."
    if facts.kind is AccountKind.HBO:
        yield DROPS[DroppedBecause.OVERPAID_BENEFIT]
    if not facts.former and proposed.reason not in policy.of_current_tenants:
        yield DROPS[DroppedBecause.CURRENT_TENANT]
    if proposed.reason is Reason.STATUTE_BARRED and not any(one.barred for one in charges):
        soon = any(one.bars_on for one in charges)
        stopped = WHY_NO_DAY.get(facts.kind, "Time does not run for these charges.")
        yield Passing("No charge is statute-barred yet.") if soon else stopped
    if AccountHold.BREATHING_SPACE in facts.account_holds:
        yield BREATHING_SPACE
    if AccountHold.DISPUTE in facts.account_holds:
        yield "The debt is disputed: settle the dispute first."
    if facts.housing_benefit_unresolved:
        yield "A Housing Benefit claim is unresolved: it may still pay."
    if facts.plan is not None and facts.plan.kept:
        yield f"A payment plan of {pounds(facts.plan.instalment_pence)} is being kept."
    if proposed.reason is Reason.UNTRACEABLE and facts.plan_elsewhere is not None:
        yield (
            f"A payment plan of {pounds(facts.plan_elsewhere.instalment_pence)} is being kept on another account of the same people: "
            "they can be found."
        )
    # Of joint tenants one who lives may have gone all the same, and owes the whole debt.
    if proposed.reason in OF_THE_LIVING and _died_on(facts) is not None:
        yield DROPS[DroppedBecause.NOBODY_LIVES]
    credit = -sum(one.balance_pence for one in facts.linked if one.balance_pence < 0)
    if credit:
        yield f"Other accounts of the same people are {pounds(credit)} in credit, which could pay this."
    if proposed.reason is Reason.DECEASED:
        yield from _survivors(facts)


def _survivors(facts: DebtFacts) -> Iterable[str]:
    if any(person.died_on is None for person in facts.people):
        several = len(facts.people) > 1
        yield (
            "A joint tenant survives and owes the whole debt."
            if several
            else "The tenant is not recorded as dead: note the death on the account."
        )


def _blocks_of_reinstatement(proposed: Standing, facts: DebtFacts) -> Iterable[str]:
    found = past_write_off(facts, proposed.undoes)
    if found is None:
        yield "No such write-off stands on the account."
        return
    left, until = found.amount_pence - found.reinstated_pence, known_held_until(proposed, facts)
    of_the_undone = _is_of_the_undone(proposed, facts)
    if found.discharged and not of_the_undone:
        yield (
            "The law has released the debtor from this debt: it is put back only once it is shown that the bankruptcy was annulled, "
            "the debt relief order revoked or the arrangement failed, or the order is struck as an error."
        )
    if (proposed.wanted_pence or left) > left or left == 0:
        yield f"Only {pounds(left)} of what was written off is left to put back."
    elif until is not None:
        yield from _released(proposed, facts, found, until)
    elif insolvency_recorded(facts) and not of_the_undone:
        yield "An insolvency is recorded: add the order of each tenant, whose day says what it has released, or lift the hold."
    if proposed.reason in _SHOWN_BY_THE_CREDIT and not of_the_undone:
        yield from _no_credit(proposed, facts, found, proposed.wanted_pence or left_to_put_back(found, until))
    unsaid = not_said_of(proposed.orders, facts.people, facts.account) if not of_the_undone else None
    if unsaid is not None and unsaid.order_kind is not None:
        yield (
            f"A {unsaid.order_kind.replace('-', ' ')} of {in_words(unsaid.on)} is known from another account of the same people: "
            "add it here too, and say whether this debt is listed in it."
        )
    if AccountHold.BREATHING_SPACE in facts.account_holds:
        yield BREATHING_SPACE


def _is_of_the_undone(proposed: Standing, facts: DebtFacts) -> bool:
    """Whether it puts back only what was written off of charges that were undone since. Nobody owes that: no law releases anybody from it,
    and no credit has to pay it.
    """
    found = past_write_off(facts, proposed.undoes) if proposed.kind is LineKind.REINSTATEMENT else None
    return found is not None and 0 < (proposed.wanted_pence or found.amount_pence - found.reinstated_pence) <= left_of_the_undone(found)


def falls_because(line: WriteOffLine, facts: DebtFacts) -> DroppedBecause | None:
    """What of that on which a line rests is gone now that its account stands elsewhere, as the ledger finds it; None where it stands.

    A write-off that names its charges rests on what is owed of those: the next week's debit is none of them. What is put back rests on what
    is left of the write-off, and on the credit that it answers.
    """
    match line.kind:
        case LineKind.WRITE_OFF if line.charges:
            stands = by_element(one for one in facts.charges if one.journal in line.charges) == line.parts
            return None if stands else DroppedBecause.BALANCE_MOVED
        case LineKind.REINSTATEMENT:
            return _no_more_to_put_back(line, facts)
        case _:
            return DroppedBecause.BALANCE_MOVED


def _no_more_to_put_back(line: WriteOffLine, facts: DebtFacts) -> DroppedBecause | None:
    found = past_write_off(facts, line.undoes)
    if found is None or line.amount_pence > found.amount_pence - found.reinstated_pence:
        return DroppedBecause.ABOVE_WRITTEN_OFF
    back = [one for one in found.charges if not line.charges or one.journal in line.charges]
    if found.charges and line.amount_pence > sum(one.owed_pence for one in back):
        return DroppedBecause.ABOVE_WRITTEN_OFF
    # Nobody pays what was written off of an undone charge.
    of_the_undone = bool(back) and all(one.undone for one in back)
    gone = line.answers_credit and -facts.balance_pence < line.amount_pence and not of_the_undone
    return DroppedBecause.CREDIT_GONE if gone else None


_SHOWN_BY_THE_CREDIT = frozenset({Reason.PAYING, Reason.CHARGE_UNDONE})


def _no_credit(proposed: Standing, facts: DebtFacts, found: PastWriteOff, wanted_pence: int) -> Iterable[str]:
    """Who pays has paid, and the credit says so; that somebody will pay is to be shown. What was undone the ledger knows by its charge, and
    the credit says so where nobody kept the charges.
    """
    if proposed.reason is Reason.CHARGE_UNDONE and found.charges:
        yield f"Only {pounds(left_of_the_undone(found))} of it is of charges that were undone."
        return
    if -facts.balance_pence >= wanted_pence:
        return
    if proposed.reason is Reason.CHARGE_UNDONE:
        yield f"The account has no credit of {pounds(wanted_pence)} that an undone charge left."
    elif not any(proof.kind is EvidenceKind.DOCUMENT for proof in proposed.proofs):
        yield f"The account has no credit of {pounds(wanted_pence)} that was paid: add a document that shows that it is being paid."


def _released(proposed: Standing, facts: DebtFacts, found: PastWriteOff, until: date) -> Iterable[str]:
    """What keeps from being put back, whatever it was written off for, what an order has released, or holds."""
    by, meanwhile = f"The law has released the debtor from what fell due by {in_words(until)}", False
    if until != known_released_until(proposed, facts):
        ends = moratorium_ends(proposed.orders, facts.account, until, facts.as_of)
        if ends is not None:
            releases = f"releases the debtor from it on {in_words(ends)}"
            by, meanwhile = f"A debt relief order holds what fell due by {in_words(until)}, and {releases}", True
        elif is_in_an_arrangement(proposed.orders, facts.account, until, facts.as_of):
            by, meanwhile = f"A voluntary arrangement holds what fell due by {in_words(until)}, until it is completed or fails", True
    owed = left_to_put_back(found, until)
    if not found.charges:
        yield f"{by}, and nobody kept which charges were written off: it is not put back."
    elif not owed:
        all_of_it = f"{by}. That is all that is left of it: it is"
        yield Passing(f"{all_of_it} not put back meanwhile.") if meanwhile else f"{all_of_it} not put back while that stands."
    elif (proposed.wanted_pence or owed) > owed:
        yield f"{by}: only {pounds(owed)} of it fell due later and may be put back."


def is_unclaimed_by_a_former_tenant(facts: DebtFacts) -> bool:
    """Only their credit goes to income (domain.md 4): a current tenant's is next weeks' rent, and is paid out on request."""
    return facts.status in (AccountStatus.FORMER, AccountStatus.CLOSED)


def _blocks_of_credit(facts: DebtFacts) -> Iterable[str]:
    """The ledger's own list, by which it also drops a line when it posts. What an undone charge left in credit is nobody's."""
    if facts.balance_pence >= 0:
        yield "The account is not in credit."
    if any(left_of_the_undone(past) for past in facts.write_offs):
        yield "A charge of what was written off was undone, and nobody paid the credit that it left: withdraw this, and that is put back."
    if not is_unclaimed_by_a_former_tenant(facts):
        yield NOT_A_FORMER_TENANTS
    yield from (DROPS[because] for because in facts.credit_blocked)


def _young(proposed: Standing, facts: DebtFacts, policy: WriteOffPolicy, today: date) -> Iterable[Passing]:
    if proposed.kind is not LineKind.CREDIT_WRITE_ON or facts.balance_pence >= 0 or _stood_long_enough(facts, policy, today):
        return
    begun = f" since {in_words(facts.credit_since)}" if facts.credit_since else ""
    yield Passing(f"The account has been in credit{begun} for less than {counted(policy.unclaimed_after_years, 'year')}.")


def past_write_off(facts: DebtFacts, journal: UUID | None) -> PastWriteOff | None:
    return next((one for one in facts.write_offs if one.journal == journal), None)


def balance(pence: int) -> str:
    """A balance as people say it."""
    return "nothing" if pence == 0 else f"{pounds(pence)} {'owed' if pence > 0 else 'in credit'}"
