"""Which kinds of evidence may settle which check for a refund (domain.md 4). Against a refund any may speak, on any check."""

from collections.abc import Mapping

from rentbook_contracts.refunds import EvidenceKind as Kind

from refunds.domain.rules import RefundRule

SETTLED_BY: Mapping[int, tuple[Kind, ...]] = {
    2: (Kind.BENEFIT_ANSWER, Kind.TRUSTEE_ANSWER, Kind.COURT_ORDER),
    4: (Kind.CONSENT, Kind.OPT_OUT, Kind.OPT_OUT_NOTICE, Kind.LEGAL_ANSWER, Kind.COURT_ORDER),
    5: (Kind.KEYS_RETURNED, Kind.FORWARDING_ADDRESS, Kind.FINAL_CHARGES, Kind.TENANT_ASKED, Kind.OTHER),
    6: (
        Kind.JOINT_CONSENT,
        Kind.IDENTITY,
        Kind.AUTHORITY,
        Kind.GRANT_OF_PROBATE,
        Kind.SMALL_ESTATE_INDEMNITY,
        Kind.CARD_REFUND,
        Kind.COURT_ORDER,
    ),
    7: (Kind.BANK_STATEMENT, Kind.IDENTITY, Kind.CALL_BACK),
    8: (Kind.BANK_STATEMENT, Kind.IDENTITY, Kind.CALL_BACK, Kind.COURT_ORDER, Kind.STAFF_CONFLICT, Kind.OTHER),
}
"""By check. One that is not here rests on the figures of the account and of policy alone."""

SPEAKS_AGAINST = "evidence-speaks-against"
"""The reason code of a check that fails by evidence which answers none of its doubts."""

ABOUT_DEBTS = (Kind.CONSENT, Kind.OPT_OUT, Kind.OPT_OUT_NOTICE)


class RestsOnFigures(RefundRule):
    """No document settles a check that rests on figures alone."""


class DoesNotSettle(RefundRule):
    """This kind of evidence does not settle this check."""


def settled_by(check: int, in_sight: str) -> tuple[Kind, ...]:
    """The kinds that may settle a check as it stands, by its reason code.

    None where it rests on figures; there any may answer evidence that speaks against the refund, and the figures still count.
    """
    return SETTLED_BY.get(check) or (tuple(Kind) if SPEAKS_AGAINST in in_sight.split("+") else ())


def refuse_unfit(check: int, kind: Kind, *, settles: bool, in_sight: str) -> None:
    """Errors: RestsOnFigures, DoesNotSettle."""
    fitting = settled_by(check, in_sight)
    if not settles or kind in fitting:
        return
    if not fitting:
        raise RestsOnFigures("No document settles this check: it rests on the figures of the account and of policy.", field="check")
    raise DoesNotSettle(f"This kind of evidence does not settle check {check}.", field="kind")
