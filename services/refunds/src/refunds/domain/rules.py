"""The base of every rule that refunds can say no by; the rules themselves stand beside what they guard."""

from rentbook_contracts.operation import BrokenRule


class RefundRule(BrokenRule):
    """A rule of refunds that was broken. The subclass's name is the rule's name on every border."""
