"""The base of every rule that writeoffs can say no by; the rules themselves stand beside what they guard."""

from rentbook_contracts.operation import BrokenRule


class WriteOffRule(BrokenRule):
    """A rule of writeoffs that was broken. The subclass's name is the rule's name on every border."""


class UnknownProposal(WriteOffRule):
    """There is no proposal of this id."""


class UnknownSchedule(WriteOffRule):
    """There is no schedule of this id."""
