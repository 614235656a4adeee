"""The other services as the desk sees them over HTTP: canned answers, every call kept, and each may fall silent."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from pydantic import BaseModel
from rentbook_contracts import ledger, notices, refunds, writeoffs
from rentbook_contracts.operation import Command, Nothing, Query
from rentbook_contracts.policy import PolicyProposed

from desk import debts, estate


@dataclass
class Call:
    """One request that the desk made."""

    service: str
    path: str
    person: str
    form: str | None
    body: bytes
    roles: frozenset[str] = frozenset()
    words: frozenset[tuple[str, str]] = frozenset()
    """Of the address, behind its question mark."""
    limit_seconds: float = 0.0
    """How long the desk would wait for the answer."""


@dataclass
class Peers:
    """Answers by path. A test puts another answer in `answers`, a broken rule in `refusals`, or a name in `silent`."""

    answers: dict[str, Callable[[Any], BaseModel]] = field(default_factory=dict)
    refusals: dict[str, dict[str, str | None]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    """Paths of files that their owner does not have."""
    not_for: dict[str, frozenset[str]] = field(default_factory=dict)
    """The roles that the owner of a path turns away."""
    calls: list[Call] = field(default_factory=list)
    file_answer: ledger.BankFilePage = field(default_factory=lambda: estate.bank_file(estate.FILE))
    file_read: asyncio.Event | None = None
    """Where set, the ledger answers an upload only once this event is."""

    def given(self, command: Command[Any, Any]) -> list[Any]:
        """The commands of a kind that arrived, in order."""
        wanted = f"/commands/{command.name}"
        return [command.takes.model_validate_json(call.body) for call in self.calls if call.path == wanted]

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        service = request.url.host
        call = Call(
            service, request.url.path, request.headers["x-rentbook-person"], request.headers.get("x-rentbook-form"), await request.aread(),
            frozenset(request.headers["x-rentbook-roles"].split(",")), frozenset(request.url.params.items()),
            request.extensions["timeout"]["read"],
        )  # fmt: skip
        self.calls.append(call)
        if service in self.silent:
            raise httpx.ConnectError("nobody listens here")
        if call.path == "/bank-files" and self.file_read is not None:
            await self.file_read.wait()
        return self._answer(call)

    def _turned_away(self, path: str) -> frozenset[str]:
        """By the longest path that is named, so that one entry stands for every id below it."""
        return next((roles for known, roles in self.not_for.items() if path == known or path.startswith(known.split("{")[0])), frozenset())

    def _answer(self, call: Call) -> httpx.Response:
        if call.roles & self._turned_away(call.path):
            status = 422 if call.path.startswith(("/commands/", "/queries/")) else 403
            return httpx.Response(status, json={"rule": "NotAllowed", "message": "Not for your part.", "field": None})
        if call.path in self.refusals:
            return httpx.Response(422, json=self.refusals[call.path])
        if call.path == "/bank-files":
            return _json(self.file_answer, 201)
        if call.path in self.gone:
            return httpx.Response(404)
        if call.path.startswith("/letters/"):
            return httpx.Response(200, content=b"%PDF-1.7 a letter")
        if call.path.startswith("/documents/"):
            return httpx.Response(200, content=b"%PDF-1.7 a document")
        if call.path.startswith("/payment-files/"):
            return httpx.Response(200, content=b"VOL1000123")
        takes, answer = CANNED[call.path]
        return _json(self.answers.get(call.path, answer)(takes.model_validate_json(call.body)), 200)


def _json(answer: BaseModel, status: int) -> httpx.Response:
    return httpx.Response(status, content=answer.model_dump_json(), headers={"content-type": "application/json"})


def home_of(account: UUID) -> estate.Home:
    return next(home for home in estate.HOMES if home.account == account)


def _no_plan(asked: refunds.PlanOfHash) -> refunds.PlanToDecide:
    raise KeyError(f"no task was opened for {asked.case}")


def _labels(asked: ledger.Accounts) -> ledger.AccountLabels:
    known = {home.account: home.label for home in estate.HOMES} | {
        label.account: label for home in estate.HOMES for label in home.debt_labels()
    }
    return ledger.AccountLabels(labels=tuple(known[account] for account in asked.accounts if account in known))


def _found(asked: ledger.SearchAccounts) -> ledger.FoundAccounts:
    words = asked.text.lower()
    found = tuple(home.label for home in estate.HOMES if words in f"{' '.join(home.names)} {home.address} {home.reference}".lower())
    return ledger.FoundAccounts(labels=found, more=False)


def _account(asked: ledger.AccountPageAsked) -> ledger.AccountPage:
    page = estate.account_page(home_of(asked.account))
    return page.model_copy(update={"as_at": asked.as_at or page.as_at, "entries": page.entries[: asked.limit]})


def cases_among(rows: Iterable[refunds.CaseRow]) -> Callable[[refunds.CasesAsked], refunds.Cases]:
    """How refunds lists these cases."""

    def asked_for(row: refunds.CaseRow, asked: refunds.CasesAsked) -> bool:
        one_of = (not asked.cases or row.case in asked.cases) and (not asked.statuses or row.status in asked.statuses)
        return one_of and asked.account in (None, row.account) and asked.taken_by in (None, row.taken_by)

    def answer(asked: refunds.CasesAsked) -> refunds.Cases:
        found = sorted((row for row in rows if asked_for(row, asked)), key=lambda row: row.opened_at, reverse=not asked.oldest_first)
        return refunds.Cases(cases=tuple(found[asked.offset : asked.offset + asked.limit]), in_all=len(found))

    return answer


_cases = cases_among(
    (
        estate.case_row(estate.CASE_OKAFOR),
        estate.case_row(estate.CASE_NGUYEN),
        estate.case_row(estate.CASE_BEGUM, refunds.CaseStatus.WAITING_FOR_EVIDENCE),
        estate.case_row(estate.CASE_PAID, refunds.CaseStatus.PAID),
    )
)


def _case(asked: refunds.CaseAsked) -> refunds.CasePage:
    if asked.case == estate.CASE_PAID:
        return estate.case_page(asked.case, status=refunds.CaseStatus.PAID)
    if asked.case == estate.CASE_BEGUM:
        return estate.case_page(asked.case, status=refunds.CaseStatus.WAITING_FOR_EVIDENCE)
    return estate.case_page(asked.case)


def _ready(_: Nothing) -> refunds.ReadyPayments:
    payment = estate.ready_payment(estate.an_id("no decision yet"))
    return refunds.ReadyPayments(
        payments=(payment,),
        total_pence=payment.amount_pence,
        next_processing_day=estate.TODAY,
        next_entry_day=estate.TODAY,
        cut_off=estate.NOW,
    )


def _files(_: ledger.BankFilesAsked) -> ledger.BankFiles:
    return ledger.BankFiles(files=tuple(estate.bank_file(one) for one in (estate.FILE, estate.REFUSED_FILE, estate.REPEATED_FILE)))


def _query(query: Query[Any, Any], answer: Callable[[Any], BaseModel]) -> tuple[str, tuple[type[BaseModel], Callable[[Any], BaseModel]]]:
    return f"/queries/{query.name}", (query.takes, answer)


def _command(
    command: Command[Any, Any], answer: Callable[[Any], BaseModel]
) -> tuple[str, tuple[type[BaseModel], Callable[[Any], BaseModel]]]:
    return f"/commands/{command.name}", (command.takes, answer)


CANNED: dict[str, tuple[type[BaseModel], Callable[[Any], BaseModel]]] = dict(
    (
        _query(ledger.ACCOUNT_LABELS, _labels),
        _query(ledger.SEARCH_ACCOUNTS, _found),
        _query(ledger.ACCOUNT_PAGE, _account),
        _query(refunds.PLAN_TO_DECIDE, _no_plan),
        _query(refunds.ASKED_IN_VAIN, lambda _: refunds.TookPart(people=())),
        _query(ledger.ACCOUNT_FOR_REFUND, lambda asked: estate.refund_facts(asked.account)),
        _query(ledger.EXPLAIN_BALANCE, lambda asked: estate.explained(home_of(asked.account))),
        _query(ledger.BANK_FILE_PAGE, lambda asked: estate.bank_file(asked.bank_file)),
        _query(ledger.BANK_FILES, _files),
        *(_query(one.LAST_COMMANDS, lambda _: estate.last_commands()) for one in (ledger, refunds, writeoffs, notices)),
        _query(ledger.SUSPENSE, lambda asked: estate.in_suspense(asked.item)),
        _query(ledger.EXACT_SUGGESTIONS, estate.exact_suggestions),
        _query(ledger.RETURN_PAGE, lambda asked: estate.return_page(asked.item, asked.reference)),
        _command(ledger.MATCH_RETURN, lambda _: ledger.ReturnMatched(journal=estate.MOVED)),
        _command(ledger.UNMATCH_RETURN, lambda asked: ledger.ReturnUnmatched(journal=estate.MOVED, item=asked.item)),
        _command(ledger.SPLIT_SUSPENSE, lambda _: ledger.SuspenseIsSplit(parts=(), left_pence=0)),
        _command(ledger.CLEAR_SUSPENSE, lambda _: ledger.SuspenseCleared(journal=estate.MOVED, account=estate.OKAFOR.account)),
        _command(ledger.REVERSE_JOURNAL, lambda asked: ledger.JournalIsReversed(journal=asked.journal)),
        _query(notices.SET_REPORT, lambda _: notices.ReportSet.model_construct(pdf=b"%PDF-1.7 a report")),
        _command(notices.SEND_LETTER_AGAIN, lambda _: Nothing()),
        _query(notices.LETTERS, lambda _: notices.Letters(letters=(estate.letter(),))),
        _query(refunds.CASES, _cases),
        _query(refunds.REFUND_POLICIES, lambda _: estate.refund_policies()),
        _query(refunds.CASE_GLANCES, lambda asked: refunds.Glances(glances=tuple(estate.glance(case) for case in asked.cases))),
        _query(refunds.CASE_PAGE, _case),
        _query(refunds.READY_PAYMENTS, _ready),
        _query(refunds.RUN_PAGE, lambda asked: estate.run_page(asked.run)),
        _query(refunds.RUNS, lambda _: refunds.Runs(runs=(estate.run_page(estate.RUN),))),
        _command(ledger.REVERSE_JOURNAL, lambda asked: ledger.JournalIsReversed(journal=estate.an_id(f"mirror of {asked.journal}"))),
        _command(ledger.SET_ACCOUNT_HOLD, lambda _: Nothing()),
        _command(ledger.SET_HOUSING_BENEFIT_CLAIM, lambda _: Nothing()),
        _command(ledger.AGREE_PAYMENT_PLAN, lambda _: ledger.PaymentPlanAgreed(plan=debts.PLAN)),
        _command(ledger.END_PAYMENT_PLAN, lambda _: Nothing()),
        _command(ledger.END_TENANCY, lambda _: Nothing()),
        _command(ledger.NOTE_LETTER_ADDRESS, lambda _: Nothing()),
        _command(ledger.NOTE_DEATH, lambda _: Nothing()),
        _command(refunds.REQUEST_REFUND, lambda _: refunds.CaseOpened(case=estate.CASE_OKAFOR)),
        _command(refunds.ADD_EVIDENCE, lambda _: Nothing()),
        _command(refunds.CHANGE_PAYEE, lambda _: Nothing()),
        _command(refunds.RESUBMIT, lambda _: Nothing()),
        _command(refunds.WITHDRAW_CASE, lambda _: Nothing()),
        _query(ledger.DEBTS_FOR_WRITE_OFF, lambda asked: ledger.DebtsRead(debts=tuple(debts.facts(one) for one in asked.accounts))),
        _query(ledger.ACTORS_BEHIND, lambda _: ledger.ActorsFound(actors=())),
        _query(writeoffs.SCHEDULE_TO_DECIDE, lambda asked: debts.to_decide(asked.schedule)),
        _query(writeoffs.WRITE_OFF_POLICIES, lambda _: debts.ladders()),
        _query(writeoffs.EVIDENCE_POLICIES, lambda _: debts.evidence()),
        _command(writeoffs.PROPOSE_EVIDENCE_POLICY, lambda _: PolicyProposed(proposal=debts.EVIDENCE)),
        _command(writeoffs.CHECK_EVIDENCE_POLICY, lambda _: Nothing()),
        _query(writeoffs.PROPOSALS, debts.proposals),
        _query(writeoffs.PROPOSAL_PAGE, debts.proposal_page),
        _query(writeoffs.DRY_RUN, debts.dry_run),
        _query(ledger.PROVISION, debts.provision),
        _query(ledger.PROVISION_POLICIES, lambda _: debts.rates()),
        _command(ledger.PROPOSE_PROVISION_POLICY, lambda _: PolicyProposed(proposal=debts.RATES)),
        _command(ledger.CHECK_PROVISION_POLICY, lambda _: Nothing()),
        _command(ledger.POST_PROVISION, lambda asked: debts.provision(asked).model_copy(update={"journal": debts.JOURNAL})),
        _query(ledger.FIND_DEBTS, debts.found),
        _query(writeoffs.BULK_DRY_RUN, debts.bulk_dry_run),
        _command(writeoffs.PROPOSE_IN_BULK, debts.proposed),
        _query(writeoffs.SCHEDULES, debts.schedules),
        _query(writeoffs.SCHEDULE_PAGE, debts.schedule_page),
        _query(writeoffs.WRITE_OFF_REGISTER, debts.register),
        _query(writeoffs.WRITE_OFF_TOTALS, debts.totals),
        _command(writeoffs.PROPOSE, lambda _: writeoffs.Proposed(proposal=debts.GATHERING)),
        _command(writeoffs.ADD_PROOF, lambda _: Nothing()),
        _command(writeoffs.STRIKE_PROOF, lambda _: Nothing()),
        _command(writeoffs.RECONSIDER_PROPOSAL, lambda _: Nothing()),
        _command(writeoffs.WITHDRAW_PROPOSAL, lambda _: Nothing()),
        _command(writeoffs.MAKE_SCHEDULE, lambda asked: writeoffs.ScheduleMade(schedule=debts.SCHEDULE, lines=len(asked.proposals))),
        _command(writeoffs.TAKE_OFF_SCHEDULE, lambda _: Nothing()),
        _command(writeoffs.ANSWER_SCHEDULE, lambda _: Nothing()),
        _command(writeoffs.WITHDRAW_SCHEDULE, lambda _: Nothing()),
    )
)
