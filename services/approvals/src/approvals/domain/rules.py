"""The base of every rule that approvals can say no by; the rules themselves stand beside what they guard."""

from rentbook_contracts.operation import BrokenRule


class ApprovalRule(BrokenRule):
    """A rule of approvals that was broken. The subclass's name is the rule's name on every border."""
