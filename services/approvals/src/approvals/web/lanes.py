"""Why a task lies in the lane *Look*, in words: refunds tells checks by number and reason code."""

import re
from collections.abc import Mapping

CHECKS: Mapping[int, str] = {
    1: "Cleared credit",
    2: "Source of the credit",
    3: "Floor and minimum value",
    4: "Other debts",
    5: "Tenancy",
    6: "Payee",
    7: "Bank details",
    8: "Duplicates and conflicts",
    9: "Separation of duties",
    10: "Later events",
}

REASONS: Mapping[str, str] = {
    "no-cleared-credit": "there is none",
    "no-credit": "there is none",
    "asked-for-more": "more was asked for than may leave the account",
    "benefit-money": "Benefits or DWP may claim it",
    "trustee-may-own-it": "a trustee may own it",
    "nothing-above-the-floor": "nothing is above the floor",
    "below-the-minimum-value": "below the smallest refund",
    "account-in-question": "in dispute or with legal services",
    "tenant-to-be-asked": "the tenant is to be asked",
    "notice-speaks-against": "the notice about another debt speaks against the refund",
    "evidence-speaks-against": "a document or an answer speaks against the refund",
    "keys-not-in": "the keys are not in",
    "final-charges-open": "the final charges are not posted",
    "not-inspected": "not inspected for recharges",
    "no-forwarding-address": "no forwarding address",
    "not-asked-for": "nobody asked for it",
    "no-payee": "none entered yet",
    "estate": "a tenant has died",
    "authority-of-third-party": "not a tenant",
    "joint-consent": "not every joint tenant has signed",
    "card-money-back-to-card": "card money goes back to the card",
    "written-off-debt": "a debt of the same people was written off",
    "account-cannot-exist": "the account number cannot exist",
    "name-has-no-bacs-form": "the name has no form in Latin letters",
    "name-does-not-match": "the name does not match",
    "name-is-close": "the bank holds a slightly different name",
    "payment-came-back": "a payment came back from there",
    "call-back-needed": "changed, and the tenant was not called back",
    "confirmation-unavailable": "the bank could not confirm the name",
    "confirmation-expired": "the bank’s answer has run out",
    "fraud-hold": "held for fraud",
    "staff-conflict": "a connection with a member of staff",
    "same-amount-lately": "the same amount was refunded lately",
    "same-details-elsewhere": "another tenant is paid to the same account",
    "settled-by-evidence": "settled by evidence",
    "approval-void": "they void the approval",
}


def lane_reason(told: str) -> str:
    """One reason: *Source of the credit: settled by evidence*. Words that are no code stay as they are."""
    match = re.fullmatch(r"check (\d+): ([a-z0-9+-]+)", told)
    if match is None or int(match[1]) not in CHECKS:
        return told[:1].upper() + told[1:]
    reasons = ", and ".join(REASONS.get(code, code.replace("-", " ")) for code in match[2].split("+"))
    return f"{CHECKS[int(match[1])]}: {reasons}"
