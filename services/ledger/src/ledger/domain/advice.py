"""What whoever sent a bank file in should do about a rule that it breaks."""

from collections.abc import Iterable

_ASK_ANEW = (
    "Ask the bank or the provider to produce the file anew, and tell them the line and the rule. "
    "Don’t mend it by hand: an auditor compares it."
)
_WHOLE = "Download the file again: it seems to have been cut off on its way. If it comes out the same, ask the sender for it anew."
_CHANGED = (
    "The file is not as the bank or the provider made it, or was made wrongly. Download it again and send it unopened. "
    "If the same line is named again, ask them to produce it anew, and tell them the line and the rule."
)
_OWN_FILE = "Send the file as the bank or the provider gave it: not packed, not opened and saved by another program, and not printed."
_EARLIER = (
    "These payments are in the books: nothing is lost. "
    "Look at the earlier file, and send the one for the days that are missing, if any are."
)
_PERHAPS_EARLIER = (
    "It seems to be the earlier file exported again, with more or less in it: posting it would double what is in the books. "
    "Ask the bank or the provider for a file with the new payments only, and send that."
)
_NOT_YET = "Check that it is the right file. Something dated after today is taken on that day and not before."
_TOO_OLD = (
    "Check the day: money that came before the clearing rules begin cannot be posted. If the day is right, whoever keeps the policy "
    "has to enter a rule for it first."
)
_IN_PARTS = "Ask for the statement in shorter periods, and send each part by itself."
_OUR_ACCOUNT = (
    "Choose the statement of one of the council’s own accounts. If the account is new, whoever keeps the policy has to enter it first."
)

_BY_RULE = {
    **dict.fromkeys(("ArchiveNotAllowed", "HtmlNotAllowed", "UnknownFormat", "BinaryNotAllowed", "WrongDocument"), _OWN_FILE),
    **dict.fromkeys(("EncodingNotAllowed", "NotText", "LineTooLong", "LineTooShort", "TextExpected"), _OWN_FILE),
    **dict.fromkeys(("EmptyFile", "CutOff", "NoPayments", "NoStatement", "TotalMissing"), _WHOLE),
    **dict.fromkeys(("EntryReferenceTaken", "StatementTaken", "RecordsTaken"), _EARLIER),
    **dict.fromkeys(("DateInFuture", "BookingDateInFuture", "BalanceDateInFuture"), _NOT_YET),
    **dict.fromkeys(
        ("FileTooLarge", "TooManyEntries", "TooManyStatements", "TooManyBalances", "TooManyDetails", "TooManyPayments"), _IN_PARTS
    ),
    **dict.fromkeys(("WrongAccount", "AccountMissing"), _OUR_ACCOUNT),
    "NotWellFormed": _CHANGED,
    "ExportedAgain": _PERHAPS_EARLIER,
    "NoClearingRule": _TOO_OLD,
    "WrongCurrency": "Only sterling accounts are kept here. Choose the statement of a sterling account.",
    "DocumentTypeNotAllowed": "No bank sends such a file. Don’t send it again: show it to whoever looks after security first.",
}


def advice(rules: Iterable[str]) -> tuple[str, ...]:
    """What to do about broken rules, each sentence once, in the order of the rules."""
    return tuple(dict.fromkeys(_BY_RULE.get(rule, _ASK_ANEW) for rule in rules))
