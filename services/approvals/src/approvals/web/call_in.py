"""A decision of members that waits out its call-in: whose it is, and on which day it is posted unless it is called in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from rentbook_contracts.approvals import Answer

from approvals.domain.words import role_words
from approvals.queries import History, MinuteShown
from approvals.web.wording import listed


@dataclass(frozen=True)
class CallIn:
    """`whose`: the body with its minute, or the person with their role. `until`: the day on which it is posted."""

    whose: str
    until: date


def call_in_of(history: History, minutes: Mapping[UUID, MinuteShown | None]) -> CallIn | None:
    """For what the newest round that was decided waits; None where none of its approvals stands."""
    newest = max((one.round for one in history.decisions), default=0)
    stand = [
        (one.carried_out_from, one)
        for one in history.decisions
        if one.round == newest and one.answer is Answer.APPROVED and one.recalled_at is None and one.carried_out_from is not None
    ]
    if not stand:
        return None
    until, last = max(stand, key=lambda pair: (pair[0], pair[1].stage))
    minute = minutes.get(last.decision)
    whose = (
        f"{minute.body}, minute {minute.reference}"
        if minute
        else f"{last.decided_by_name}, {listed([role_words(one) for one in last.roles])}"
    )
    return CallIn(whose, until)
