"""Who may change the ledger: officers and above, and the services themselves; an auditor reads all and changes nothing."""

from chassis.transaction import SYSTEM, Caller
from rentbook_contracts.people import CASE_WORKERS, Role
from rentbook_contracts.policy import MAKES_POLICY, WHO_MAKES_POLICY

from ledger.domain.rules import NotAllowed


def may_post_provision(caller: Caller) -> None:
    """The provision is finance's. Errors: NotAllowed."""
    if Role.FINANCE not in caller.roles:
        raise NotAllowed("Only finance posts the provision.")


def may_make_policy(caller: Caller) -> None:
    """Errors: NotAllowed."""
    if not caller.roles & MAKES_POLICY:
        raise NotAllowed(WHO_MAKES_POLICY)


def may_change(caller: Caller) -> None:
    """Errors: NotAllowed."""
    if caller.person != SYSTEM.person and not caller.roles & CASE_WORKERS:
        raise NotAllowed("Your part does not allow changing the ledger.")
