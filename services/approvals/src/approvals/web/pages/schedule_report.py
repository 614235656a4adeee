"""A schedule of write-offs with its decision, as a report: who decided what, when, by which authority, and what became of each line."""

from collections.abc import Mapping
from uuid import UUID

from rentbook_contracts.approvals import Answer
from rentbook_contracts.ledger import LINES_IN_A_SCHEDULE, AccountLabel, LineKind
from rentbook_contracts.words import counted, isolated
from rentbook_contracts.writeoffs import LINE_OFF, SCHEDULE_PAGE, ScheduleAsked, ScheduleLineShown, SchedulePage, ScheduleStatus
from starlette.responses import Response

from approvals import queries
from approvals.domain.reasons import SCHEDULE_REASONS
from approvals.domain.words import role_words
from approvals.queries import Carried, DecisionShown, History, MinuteShown
from approvals.web.call_in import call_in_of, decided
from approvals.web.report import Column, Report, Table, ending_asked, handed_out
from approvals.web.schedule_words import STANDINGS, STATUS_WORDS, because
from approvals.web.visit import Visit
from approvals.web.wording import day, element, headline, listed, lower_first, pounds, said, when
from approvals.web.workbook import Cell, Kind

LINES = (
    Column("Account"),
    Column("Tenants"),
    Column("Reason"),
    Column("Charges"),
    Column("Debtor’s total", Kind.MONEY),
    Column("Amount", Kind.MONEY),
    Column("Of which VAT", Kind.MONEY),
    Column("Standing"),
    Column("Proposal", printed=False),
    Column("Journal", printed=False),
    Column("Hash of the line", printed=False),
)
TOTALS = (Column("Reason"), Column("Standing"), Column("Lines", Kind.COUNT), Column("Amount", Kind.MONEY))
DECISIONS = (Column("Decided"), Column("By"), Column("Answer"), Column("Why"), Column("Decision", printed=False))

_AS_APPROVED = frozenset({ScheduleStatus.POSTED, ScheduleStatus.EMPTY})
"""Where the reason of the approval says nothing of why it stands so."""


async def download(visit: Visit) -> Response:
    """All lines of the schedule, and every decision that was made on it."""
    ending_asked(visit)
    schedule: UUID = visit.request.path_params["schedule"]
    page = await visit.ask(SCHEDULE_PAGE, ScheduleAsked(schedule=schedule, limit=LINES_IN_A_SCHEDULE))
    history, minutes = await decided(visit, schedule)
    left_out = await visit.own(lambda tx: queries.left_out(tx, schedule))
    labels = await visit.account_labels(line.account for line in page.lines)
    return await handed_out(visit, schedule_report(page, history, minutes, left_out, labels, await visit.names()))


def schedule_report(
    page: SchedulePage,
    history: History,
    minutes: Mapping[UUID, MinuteShown | None],
    left_out: Mapping[UUID, str],
    labels: Mapping[UUID, AccountLabel],
    names: Mapping[str, str],
) -> Report:
    """The lines come first: they are what is told as comma-separated values. `left_out`: lines with the coded reason of their exception."""
    lines = [_line(line, labels.get(line.account), left_out.get(line.line)) for line in page.lines]
    left = [line for line in page.lines if line.standing not in LINE_OFF]
    sums = (sum(line.amount_pence for line in left), sum(line.vat_pence for line in left))
    nothing_left = page.status is ScheduleStatus.EMPTY
    call_in = call_in_of(history, minutes) if page.status is ScheduleStatus.CALL_IN else None
    highest = "credit in all" if page.kind is LineKind.CREDIT_WRITE_ON else "debtor’s total"
    together = "Still on it" if len(left) < len(page.lines) else "Together"
    totals = [(headline(one.reason), STANDINGS[one.standing], one.lines, one.amount_pence) for one in page.totals]
    return Report(
        f"schedule-{page.schedule}",
        page.title,
        (
            Table("Lines", LINES, lines, (together, *(None,) * 4, *sums, *(None,) * 4)),
            Table("Totals by reason", TOTALS, totals, ("Put forward", None, sum(one.lines for one in page.totals), page.total_pence)),
            Table("Decisions", DECISIONS, [_decision(one, minutes.get(one.decision), names, nothing_left) for one in history.decisions]),
        ),
        facts=(
            ("What", headline(page.kind)),
            (
                "Where it stands",
                STATUS_WORDS[page.status]
                + (f": {because(page.status_note)}" if page.status_note and page.status not in _AS_APPROVED else "")
                + (f": the decision of {call_in.whose}, posted on {day(call_in.until)} unless it is called in before" if call_in else ""),
            ),
            ("Schedule made", f"{when(page.made_at)} by {names.get(page.made_by, page.made_by)}"),
            ("Total", f"{pounds(sums[0])}, {counted(len(left), 'line')}"),
            ("Put forward", f"{pounds(page.total_pence)}, {counted(len(lines), 'line')}"),
            ("Posted", page.posted_pence),
            ("Band", f"{pounds(page.band_pence)}, the highest {highest}"),
            ("Hash of the lines", page.content_hash or "none"),
        ),
        notes=("Whoever proposed a line, brought its evidence or moved its debt decides nothing on the schedule.",),
    )


def _line(line: ScheduleLineShown, label: AccountLabel | None, left_out: str | None) -> tuple[Cell, ...]:
    why = left_out if line.standing == "excepted" and left_out else line.because
    return (
        label.reference if label else str(line.account),
        listed([isolated(name) for name in label.names]) if label else "",
        headline(line.reason),
        "; ".join(f"{element(part.element)} {pounds(part.amount_pence)}" for part in line.parts),
        line.debtor_total_pence,
        line.amount_pence,
        line.vat_pence,
        STANDINGS[line.standing] + (f": {because(why)}" if why else ""),
        str(line.line),
        str(line.journal) if line.journal else None,
        line.content_hash,
    )


def _decision(made: DecisionShown, minute: MinuteShown | None, names: Mapping[str, str], nothing_left: bool) -> tuple[Cell, ...]:
    authority = f"{made.decided_by_name}, {listed([role_words(role) for role in made.roles])}"
    lent = f", by authority of {listed(list(made.on_behalf_of))}" if made.on_behalf_of else ""
    body = f"; recorded what {minute.body} decided on {day(minute.met_on)}, minute {minute.reference}" if minute else ""
    why = SCHEDULE_REASONS[made.answer].get(made.reason_code, said(made.reason_code)) + (f": {made.text}" if made.text else "")
    stage = f", decision {made.stage} of {made.stages}" if made.stages > 1 else ""
    return (
        f"{when(made.decided_at)}, round {made.round}{stage}",
        f"{authority}{lent}{body}",
        f"{headline(made.answer)}{_fate(made, names, nothing_left)}",
        why,
        str(made.decision),
    )


def _fate(made: DecisionShown, names: Mapping[str, str], nothing_left: bool) -> str:
    """What became of a decision, as it goes on after its answer."""
    match made.carried:
        case Carried.RECALLED if made.recalled_at is not None:
            by = names.get(made.recalled_by or "", made.recalled_by)
            return f", recalled by {by} on {when(made.recalled_at)}: {made.recall_text}"
        case Carried.NOT_CARRIED_OUT:
            return ", not carried out" + (f", because {lower_first(made.because)}" if made.because else "")
        case Carried.AWAITS_NEXT:
            return f"; decision {made.stage + 1} of {made.stages} is awaited"
        case Carried.BEING_CARRIED_OUT if made.answer is Answer.APPROVED and not made.completes:
            return f"; decision {made.stage + 1} of {made.stages} followed"
        case Carried.CARRIED_OUT if made.answer is Answer.APPROVED and nothing_left:
            return "; no line was left to post"
        case Carried.CARRIED_OUT if made.answer is not Answer.SENT_BACK:
            return ", carried out"
        case _:
            return ""
