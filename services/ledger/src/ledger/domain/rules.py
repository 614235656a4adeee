"""The rules of the ledger that can say no. Messages are for people and hold no personal data."""

from rentbook_contracts.operation import BrokenRule


class LedgerRule(BrokenRule):
    """The base of every rule of the ledger."""


class NotAllowed(LedgerRule):
    """The person's roles do not allow this."""


class NoSuchAccount(LedgerRule):
    """No tenant's account has this id."""


class NoSuchJournal(LedgerRule):
    """No journal has this id."""


class NoSuchFile(LedgerRule):
    """No bank file has this id."""


class NoSuchItem(LedgerRule):
    """No money in suspense has this id."""


class AlreadyMoved(LedgerRule):
    """Money leaves suspense once."""


class SuggestionChanged(LedgerRule):
    """What was accepted as an exact suggestion is none any more."""


class MoreThanLiesThere(LedgerRule):
    """No more leaves suspense than lies there."""


class NamedTwice(LedgerRule):
    """A payment is split among different accounts."""


class NotToBeMoved(LedgerRule):
    """Money out is matched with what was paid, and goes onto no tenant's account."""


class NotAReturn(LedgerRule):
    """Money out that does not say that it takes a payment back is none that may be matched with one."""


class NotThatPayment(LedgerRule):
    """A return takes back a payment of its amount and an agreeing method."""


class NotMatched(LedgerRule):
    """Nobody said of this return what it takes back, or that was taken back already."""


class AccountClosed(LedgerRule):
    """Nothing is posted onto a closed account."""


class MovedFromSuspense(LedgerRule):
    """A receipt that was moved from suspense is undone only after it was put back."""


class NoSuchTenancy(LedgerRule):
    """No tenancy has this id."""


class KeyUsedForOtherContent(LedgerRule):
    """Something else was posted under this key already."""


class AlreadyReversed(LedgerRule):
    """A journal is reversed once, and a reversal is not reversed."""


class OpeningBalanceStays(LedgerRule):
    """An opening balance is the sum of what an earlier system posted: it is corrected by an entry of its own, and not undone."""


class BelongsToARefund(LedgerRule):
    """What was posted for a refund comes back on the bank's word alone: undone by hand, the credit could be paid out twice."""


class CreditNotFree(LedgerRule):
    """Cleared credit that no other case has earmarked does not cover the amount."""


class OffsetAboveDebt(LedgerRule):
    """An offset would pay more than is owed."""


class AccountMoved(LedgerRule):
    """An account has another version than the one that was checked: check again."""


class NotApproved(LedgerRule):
    """The decision that was heard does not approve this very plan."""


class DecisionRecalled(LedgerRule):
    """The approval was taken back, or came to nothing."""


class CallInRuns(LedgerRule):
    """The decision's day has not come: it may still be called in."""


class NotHandedOut(LedgerRule):
    """Writeoffs has not handed the line out to be posted on this decision: it dropped, or a step names it without its story."""


class PutBackByDecision(LedgerRule):
    """A write-off is put back by a decision, and by no reversal."""


class HoldGone(LedgerRule):
    """The earmark was released, was used, or is of another plan."""


class NotARefund(LedgerRule):
    """The journal is no refund of this case."""


class NobodyAsks(LedgerRule):
    """A credit that went to income comes back for a case that asks for it, and no longer once that has ended."""


class WeekNotAMonday(LedgerRule):
    """A rent week begins on a Monday (domain.md 1.3)."""


class WeekTooFarAhead(LedgerRule):
    """A week is debited when it has begun."""


class EstateRefused(LedgerRule):
    """The estate file cannot be loaded; the message names the line."""


class DayHasPassed(LedgerRule):
    """A hold cannot end before it begins."""


class HoldNotSet(LedgerRule):
    """Only a hold that was set, and that nobody has lifted since, is lifted."""


class NoClaimOpen(LedgerRule):
    """Benefits decides only a claim that was open: what it decided otherwise nobody noted as having to be decided."""


class KindMissing(LedgerRule):
    """A Breathing Space is a standard one or one of a mental health crisis."""


class NotABreathingSpace(LedgerRule):
    """Only a Breathing Space has a kind and a first day."""


class LastsTooLong(LedgerRule):
    """A Breathing Space ends when the law ends it, or earlier."""


class AnotherTooSoon(LedgerRule):
    """Between two standard Breathing Spaces of a person lies the time that the law asks for."""


class NoSuchTenant(LedgerRule):
    """A person is noted as dead on an account of theirs."""


class DiedBeforeTheTenancy(LedgerRule):
    """Nobody becomes a tenant after their death."""


class DayHasNotCome(LedgerRule):
    """What has happened did not happen in the future."""


class PlanBeginsTooEarly(LedgerRule):
    """The first instalment falls due when the plan is agreed, or later."""


class NotAMonthsEnd(LedgerRule):
    """A provision is computed for the last day of a month that has ended (domain.md 2.5)."""


class NoRatesInForce(LedgerRule):
    """No rates of expected loss had come into force at the month's end."""


class LaterMonthPosted(LedgerRule):
    """The provision of a later month was posted already: what it closed would be counted twice."""


class ProvisionMoved(LedgerRule):
    """Another sum would be posted than whoever posts it was shown."""


class CorrectedByTheNext(LedgerRule):
    """A provision is not undone: that of the next month's end closes the gap anew."""


class NoSuchPlan(LedgerRule):
    """No payment plan has this id."""
