"""Write-offs along their whole way on the real stack, through the desk: every reason of 5.3, test J, and money that moves meanwhile.

Many cases share a schedule and are played at once, so that each test compares what became of all of them.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import asyncpg
import httpx
import page as validation
import pytest
from chassis.peers import SYSTEM, headers_of
from python_calamine import CalamineWorkbook
from rentbook_contracts.approvals import DECIDE, DecisionTaken
from rentbook_contracts.operation import Message, Nothing, Query
from rentbook_contracts.workflows import schedule_workflow_id
from rentbook_contracts.writeoffs import EVIDENCE_POLICIES, SCHEDULE_PAGE, EvidencePolicies, Reason, ScheduleAsked
from rentbook_local.demo.bank_files import business_day
from rentbook_local.demo.estate import bank_account
from rentbook_local.demo.writing import london_today
from rentbook_local.journey.desk import Desk, Page, Unexpected
from rentbook_local.journey.steps import Member, case_says, decide, open_task, release
from rentbook_local.journey.telling import Hop
from rentbook_local.journey.write_off_steps import (
    READY,
    Proof,
    bring,
    decide_schedule,
    list_on_schedule,
    pay,
    proposal_says,
    propose,
    register,
    schedule_says,
    schedule_task,
    standings,
)
from rentbook_local.journey.write_off_story import WriteOffJourney
from rentbook_local.signin import PERSONAS
from support.stack import Stack
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter

from journeys.canaries import MINUTE_COPY, NINO, NOTE

Members = Mapping[str, Member]
A = TypeVar("A")
B = TypeVar("B")

TODAY = london_today()
PART = {"asha", "bryn", "carys", "dilip", "efua", "farid", "greta", "kirsi", "lowri", "mabel"}
AT_ONCE = 4


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def at_once(do: Callable[[A], B], each: list[A]) -> list[B]:
    """The same for each, some at a time, as several people would."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(do, each))


@pytest.fixture(scope="module")
def desks(stack: Stack) -> Iterator[Mapping[str, Desk]]:
    """Whoever has a part here, at the desk, by the first part of their name."""
    with ExitStack() as signed_in:
        people = [persona.subject for persona in PERSONAS if persona.subject.partition(".")[0] in PART]
        yield {subject.partition(".")[0]: signed_in.enter_context(Desk(stack.layout.desk, subject)) for subject in people}


# --- what everybody does ---------------------------------------------------------------------------------------------------------------


DOCUMENTS = (Proof("document", ago(40), "prison service"), Proof("manager-note", ago(5), reference="file note 12"))


def brings(proof: Proof) -> str:
    return "farid" if proof.kind == "manager-note" else "bryn"


def proposed(desks: Mapping[str, Desk], member: Member, reason: str, proofs: tuple[Proof, ...] = ()) -> str:
    """Proposed by asha, with evidence that bryn brings, and a manager's note of farid's."""
    page = propose(desks["asha"], member.account, reason)
    assert page.errors() == [], (member.key, page.errors())
    for proof in proofs:
        brought = bring(desks[brings(proof)], page.identity, proof, of=member.name if proof.kind == "death" else "")
        assert brought.errors() == [], (member.key, brought.errors())
    return page.identity


def ready(desks: Mapping[str, Desk], member: Member, reason: str = "prison", proofs: tuple[Proof, ...] = DOCUMENTS) -> str:
    proposal = proposed(desks, member, reason, proofs)
    proposal_says(desks["asha"], proposal, READY)
    return proposal


def listed(desks: Mapping[str, Desk], proposals: list[str], title: str) -> str:
    page = list_on_schedule(desks["asha"], proposals, title)
    assert page.errors() == [], page.errors()
    return page.identity


def approved(desk: Desk, title: str, *, after: str | None = None, **more: Any) -> str:
    """Decided by whoever sits at this desk; the task's path."""
    task = schedule_task(desk, title, after=after)
    page = decide_schedule(desk, task, **more)
    assert page.errors() == [], page.errors()
    return task.path


def balance(desk: Desk, account: str) -> str:
    shown = desk.get(f"/accounts/{account}").tree.xpath("//*[contains(concat(' ', @class, ' '), ' desk-balance ')]")
    return " ".join(str(shown[0].text_content()).split())


def entries(desk: Desk, account: str) -> list[tuple[str, str, str]]:
    """Date, code and amount of each entry that is no charge, newest first; a credit has a minus."""
    told = csv.DictReader(io.StringIO(desk.http.get(f"/accounts/{account}/entries.csv").content.decode("utf-8-sig")))
    return [(row["Date"], row["Code"], row["Debit"] or f"-{row['Credit']}") for row in told if row["Code"] != "DEB"]


def undo(desk: Desk, member: Member, words: str, why: str) -> None:
    """Undo the newest entry of this kind on the member's account."""
    page = desk.get(f"/accounts/{member.account}")
    entry = str(page.tree.xpath("//tr[contains(., $words)]//a[contains(@href, '/entries/')]/@href", words=words)[0])
    assert desk.send(desk.get(entry), f"{entry}/undo", {"undo_reason": why}).errors() == []


def words_of(page: Page) -> str:
    """What stands in the way and what is missing, as the proposal's page says it."""
    blocked = page.tree.xpath("//div[h2='What stands in the way']//li")
    rungs = page.tree.xpath("//ol[contains(@class,'desk-checks')]/li[not(contains(., '✓ There'))]")
    return "; ".join(" ".join(str(one.text_content()).split()) for one in (*blocked, *rungs))


# --- the story -------------------------------------------------------------------------------------------------------------------------


def test_the_path(stack: Stack) -> None:
    hops: list[Hop] = []
    WriteOffJourney(stack.layout, hops.append).play()
    assert [hop.name for hop in hops] == [
        "proposal", "proposal", "proposal", "evidence", "evidence", "manager's note", "evidence", "manager's note", "schedule", "four eyes",
        "authority", "approval", "posted", "register", "left out", "payment", "proposed again", "schedule", "approval", "reinstated",
        "traced", "schedule", "approval", "reinstated", "explained",
    ]  # fmt: skip

    with pytest.raises(Unexpected, match=r"in the register already.*play it on an empty state"):
        WriteOffJourney(stack.layout, hops.append).play()


# --- every reason ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """A reason with what does not suffice, what the page then says, and what completes it."""

    too_little: tuple[Proof, ...]
    says: str
    then: tuple[Proof, ...]


def order(kind: str, days: int = 100) -> Proof:
    return Proof("insolvency-order", ago(days), "county court", "BKT 118", kind)


def letter(days: int) -> Proof:
    """One that was not sent by Rentbook, with the record of its sending."""
    return Proof("letter-sent", ago(days), reference="copy on paper")


CASES = {
    # She died fifty days ago: a letter of before that was none to the estate.
    "deceased": Case((letter(40),), "Evidence of the death", (Proof("death", ago(45), "registrar"),)),
    "care-home": Case((Proof("document", ago(30), "care home"),), "Two letters without a reply", (Proof("no-assets", ago(20)),)),
    "bankruptcy": Case((order("bankruptcy"),), "Discharge, or twelve months since the order", (Proof("discharge", ago(3)),)),
    "debt-relief-order": Case(
        (order("debt-relief-order"),), "The end of the order's twelve months", (order("debt-relief-order", 400),)
    ),
    "voluntary-arrangement": Case((order("voluntary-arrangement"),), "The arrangement was completed", (Proof("discharge", ago(3)),)),
    "statute-barred": Case((), "Legal services confirm it", (Proof("legal-confirmation", ago(2)),)),
    "untraceable": Case(
        (Proof("trace", ago(190), "the voters"), Proof("trace", ago(180), "The Voters"), Proof("agency-instructed", ago(150))),
        "1 of 2 different sources so far",
        (Proof("trace", ago(170), "credit reference agency"), Proof("agency-return", ago(9))),
    ),
    "uneconomic": Case((letter(3),), "One letter without a reply for 28 days", (letter(40),)),
    **{
        reason: Case(DOCUMENTS[:1], "A manager's note", DOCUMENTS[1:])
        for reason in ("prison", "emigrated", "disputed-end", "judgment-unenforceable")
    },
}  # fmt: skip
RELEASED_BY_LAW = {"bankruptcy", "debt-relief-order", "voluntary-arrangement"}


async def reasons_of_the_policies(stack: Stack) -> list[set[str]]:
    """Of each dated policy; what was undone is asked for as what was paid."""
    told = EvidencePolicies.model_validate(await of_writeoffs(stack, EVIDENCE_POLICIES, Nothing()))
    return [{ladder.reason.value for ladder in version.policy.ladders} | {"charge-undone"} for version in told.versions]


async def test_every_reason_is_refused_without_its_evidence_and_posted_with_it(
    stack: Stack, desks: Mapping[str, Desk], members: Members
) -> None:
    played = {*CASES, *PUT_BACK, "unclaimed"}
    assert played == {reason.value for reason in Reason}, "each is refused and accepted in one of these tests"
    assert {frozenset(reasons) for reasons in await reasons_of_the_policies(stack)} == {frozenset(played)}
    asha, debts = desks["asha"], {reason: members[f"debt-{reason}"] for reason in CASES}
    before = dict(
        zip(CASES, at_once(lambda reason: proposed(desks, debts[reason], reason, CASES[reason].too_little), [*CASES]), strict=True)
    )
    gathering = {reason: proposal_says(asha, proposal, "Evidence is being gathered") for reason, proposal in before.items()}
    assert {reason: CASES[reason].says in words_of(page) for reason, page in gathering.items()} == dict.fromkeys(CASES, True)
    preview = asha.get(f"/write-offs/schedules/preview?{'&'.join(f'proposal={one}' for one in before.values())}")
    assert f"{len(CASES)} proposals stay behind" in preview.text

    def completed(reason: str) -> None:
        for proof in CASES[reason].then:
            assert bring(desks[brings(proof)], before[reason], proof).errors() == []
        proposal_says(asha, before[reason], READY)

    at_once(completed, [*CASES])
    owed = {reason: balance(asha, debt.account) for reason, debt in debts.items()}
    schedule = listed(desks, list(before.values()), "Every reason")
    approved(desks["efua"], "Every reason")
    became = standings(schedule_says(asha, schedule, "✓ Posted"))
    assert {reason: became[proposal] for reason, proposal in before.items()} == dict.fromkeys(CASES, "✓ Posted")
    left = {reason: balance(asha, debt.account) for reason, debt in debts.items()}
    assert {reason for reason, says in left.items() if says != "Nothing owed"} == {"statute-barred"}
    # Of the charges that are not barred yet the tenant goes on owing every penny.
    barred = debts["statute-barred"]
    [row] = register(asha, barred.account)
    assert in_pence(row.amount) + in_pence(left["statute-barred"]) == in_pence(owed["statute-barred"])
    assert in_pence(row.amount) % 84_20 == 0
    shown = {reason: asha.get(f"/write-offs/register?account={debt.account}").text for reason, debt in debts.items()}
    assert {reason for reason, says in shown.items() if "Released by law" in says} == RELEASED_BY_LAW

    def wished_back(reason: str) -> str:
        [row] = register(asha, debts[reason].account)
        page = propose(asha, debts[reason].account, "traced", undoes=row.journal)
        return words_of(proposal_says(asha, page.identity, "Blocked"))

    kept = {reason: wished_back(reason) for reason in RELEASED_BY_LAW}
    assert {reason for reason, says in kept.items() if "The law has released the debtor from this debt" in says} == RELEASED_BY_LAW, kept


def test_a_contact_that_is_noted_on_the_account_reaches_the_proposal_of_an_untraceable_debtor(
    desks: Mapping[str, Desk], members: Members
) -> None:
    asha, debt, case = desks["asha"], members["debt-story-gone-9"], CASES["untraceable"]
    proposal = ready(desks, debt, "untraceable", (*case.too_little, *case.then))
    account = f"/accounts/{debt.account}"
    spoke = {"contact_how": "they-called", "contact_identified": "phone-questions", "contact_text": NOTE}
    assert asha.send(asha.get(account), f"{account}/notes", spoke).errors() == []
    assert "Last heard of on" in words_of(proposal_says(asha, proposal, "Evidence is being gathered"))


def in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def in_pence(says: str) -> int:
    return int(says.partition("£")[2].partition(" ")[0].replace(",", "").replace(".", ""))


BLOCKED = {
    "debt-survivor": ("deceased", "A joint tenant survives and owes the whole debt."),
    "debt-plan": ("emigrated", "A payment plan of £20.00 is being kept."),
    "debt-dispute": ("emigrated", "The debt is disputed: settle the dispute first."),
    "debt-breathing-space": ("emigrated", "Breathing Space runs: refer, and wait until it is lifted."),
    "debt-credit-elsewhere": ("emigrated", "Other accounts of the same people are £45.00 in credit, which could pay this."),
    "debt-claim": ("emigrated", "A Housing Benefit claim is unresolved: it may still pay."),
    "debt-acknowledged": ("statute-barred", "No charge is statute-barred yet.; ? MissingLegal services confirm it0 of 1 so far"),
}


def test_what_stands_in_the_way_keeps_a_debt_off_every_schedule(desks: Mapping[str, Desk], members: Members) -> None:
    asha = desks["asha"]
    claim = f"/accounts/{members['debt-claim'].account}"
    told = {"claim_is": "open", "claim_since": str(ago(30)), "claim_reason": NOTE}
    assert asha.send(asha.get(claim), f"{claim}/benefit-claim", told).errors() == []
    complete = {
        "deceased": (Proof("death", ago(50)), Proof("insufficient-funds", ago(20))),
        "emigrated": DOCUMENTS,
        # Signed within the six years: time began anew, and no legal services confirm what is not barred.
        "statute-barred": (Proof("signed-acknowledgment", ago(4 * 365)),),
    }
    made = at_once(lambda key: proposed(desks, members[key], BLOCKED[key][0], complete[BLOCKED[key][0]]), [*BLOCKED])
    proposals = dict(zip(BLOCKED, made, strict=True))
    pages = {key: proposal_says(asha, one, "Blocked") for key, one in proposals.items()}
    assert {key: words_of(page) for key, page in pages.items()} == {key: says for key, (_, says) in BLOCKED.items()}
    preview = asha.get(f"/write-offs/schedules/preview?{'&'.join(f'proposal={one}' for one in made)}")
    assert "None of these could be listed now." in preview.text
    # Once it no longer stands in the way, nothing else is asked for.
    assert asha.send(asha.get(claim), f"{claim}/benefit-claim", {**told, "claim_is": "decided"}).errors() == []
    dispute = f"/accounts/{members['debt-dispute'].account}"
    lifted = {"hold": "DISPUTE", "hold_is": "lifted", "hold_reason": NOTE}
    assert asha.send(asha.get(dispute), f"{dispute}/holds", lifted).errors() == []
    for key in ("debt-claim", "debt-dispute"):
        proposal_says(asha, proposals[key], READY)


def test_a_declined_schedule_posts_nothing_and_its_debts_may_be_proposed_anew(desks: Mapping[str, Desk], members: Members) -> None:
    asha, member = desks["asha"], members["debt-line-manager"]
    proposal = ready(desks, member, "uneconomic", (letter(45),))
    title = f"Declined, {NINO}"
    schedule = listed(desks, [proposal], title)
    approved(desks["dilip"], title, answer="declined", text=NOTE)
    schedule_says(asha, schedule, "Declined")
    proposal_says(asha, proposal, "Declined")
    assert balance(asha, member.account) == "£41.60 behind"
    assert [code for _, code, _ in entries(asha, member.account)] == []
    again = ready(desks, member, "uneconomic", (letter(45),))
    assert again != proposal


ATTEMPTS = tuple(Proof("return-attempt", ago(2_250 - 430 * n), reference="copy on paper") for n in range(6))
"""To return an unclaimed credit."""

LETTER = "The letter (PDF)"
"""Beside a letter of Rentbook's own that is evidence."""


def struck_as_it_came_back(desks: Mapping[str, Desk], proposal: str) -> None:
    """The letter of today, which had no time to be answered."""
    page = desks["bryn"].wait(f"/write-offs/{proposal}", "the letter as evidence", lambda page: LETTER in page.text)
    strike = str(page.tree.xpath(f"//tr[contains(., '{LETTER}')]//form[contains(@action, '/strike')]/@action")[0])
    because = f"because-{strike.split('/')[-2]}"
    assert desks["bryn"].send(page, strike, {because: "It came back unopened."}).errors() == []


def test_an_unclaimed_credit_goes_to_income_and_is_put_back_and_paid_by_the_request_for_its_refund(
    stack: Stack, desks: Mapping[str, Desk], members: Members
) -> None:
    """Its owner is written to by itself, once a day at most, and has time to answer; attempts of the years before were entered by hand."""
    asha, member = desks["asha"], members["debt-unclaimed"]
    assert balance(asha, member.account) == "£62.40 in credit"
    lacking = proposed(desks, member, "unclaimed", ATTEMPTS[:5])
    page = asha.wait(f"/write-offs/{lacking}", "the letter as evidence", lambda page: LETTER in page.text)
    assert "Money that we hold for you" in page.text
    assert READY not in page.status_words
    struck_as_it_came_back(desks, lacking)
    next_day = TODAY + timedelta(days=1)
    tomorrow = f"The next letter is written by itself on {next_day:%a} {next_day.day} {next_day:%b %Y}."
    page = asha.wait(page.path, "the day of the next letter", lambda page: tomorrow in page.text)
    assert asha.send(page, f"{page.path}/withdraw", {"withdraw_note": "The sixth attempt was found in the paper file."}).errors() == []
    proposal = proposed(desks, member, "unclaimed", ATTEMPTS[:5])
    asha.wait(f"/write-offs/{proposal}", "no second letter on one day", lambda page: tomorrow in page.text)
    assert bring(desks["bryn"], proposal, ATTEMPTS[5]).errors() == []
    assert LETTER not in proposal_says(asha, proposal, READY).text
    schedule = listed(desks, [proposal], "Unclaimed credit")
    approved(desks["efua"], "Unclaimed credit")
    schedule_says(asha, schedule, "✓ Posted")
    assert balance(asha, member.account) == "Nothing owed"

    form = f"/accounts/{member.account}/refund"
    request = asha.get(form)
    request.must_say("£62.40 of this account’s credit went to income.")
    person, told = str(member.told["people"][0]), {"identified_how": "phone-questions", "amount_is": "all", "reason_code": "tenancy-ended"}
    payee = {"payee_of": person, "payee_name": member.name, "sort_code": "089999", "account_number": bank_account(3001)[6:]}
    case = asha.send(request, form, {"asked_by": person, **told, **payee})
    assert case.errors() == []
    asha.wait(
        f"/accounts/{member.account}", "the credit again", lambda page: "£62.40 in credit" in page.text and "Nothing owed" not in page.text
    )
    assert decide(desks["dilip"], open_task(desks["dilip"], member.account), "approved").errors() == []
    assert release(desks["greta"], [case.identity]).errors() == []
    case_says(asha, case.identity, "With the bank, arrives on")
    assert balance(asha, member.account) == "Nothing owed"
    at_the_bank = httpx.get(f"{stack.layout.http('bank-simulator')}/bacs/paid").raise_for_status().json()["paid"]
    assert [item["times"] for item in at_the_bank if item["pence"] == 62_40] == [1]


# --- test J ----------------------------------------------------------------------------------------------------------------------------

MINUTE = {"minute_reference": "CAB/2026/118", "met_on": str(ago(0))}
J: dict[int, tuple[tuple[str, ...], str, bool]] = {
    49_99: (("dilip",), "carys", False),
    50_00: (("efua",), "dilip", False),
    4_999_99: (("efua",), "dilip", False),
    5_000_00: (("lowri", "kirsi"), "efua", False),
    9_999_99: (("lowri", "kirsi"), "kirsi", False),
    10_000_00: (("kirsi", "lowri"), "lowri", True),
    49_999_99: (("kirsi", "lowri"), "lowri", True),
    50_000_00: (("kirsi", "mabel"), "mabel", True),
}
"""The debtor's total, who decides it in which order, somebody who may not, and whether it may be called in (domain.md 5.1, 5.3)."""

WHY_NOT = {
    49_99: "Deciding this is for a team leader.",
    50_00: "£50.00 is above your £49.99.",
    4_999_99: "£4,999.99 is above your £49.99.",
    5_000_00: "Deciding this is for an executive member.",
    9_999_99: "Deciding this is for an executive member.",
    10_000_00: "Deciding this is for an s151 officer.",
    49_999_99: "Deciding this is for an s151 officer.",
    50_000_00: "Deciding this is for an s151 officer.",
}
"""What whoever looks at the first decision is told, on its page and by the form that the page does not have."""

REFUSED_BY_THE_DATABASE = {"the_amount_is_within_the_limit", "authority_is_for_this_stage", "authority_is_of_the_persons_role"}
ROLES = {persona.subject: [str(role) for role in persona.roles] for persona in PERSONAS}


async def test_j_the_debtors_total_decides_who_has_authority(stack: Stack, desks: Mapping[str, Desk], members: Members) -> None:
    """At the page, at the form that a page would send, at the service, in the story, and in the database."""
    asha = desks["asha"]

    def asked(pence: int) -> tuple[str, Page]:
        """A schedule of one line, which is a part of what the debtor owes, and the task as somebody sees it who may not decide it."""
        title = f"Debtor of {pence}"
        schedule = listed(desks, [ready(desks, members[f"debt-j-{pence}"])], title)
        # before a member or a body is asked, a schedule is not theirs to read
        looks = {"lowri": "efua", "mabel": "efua"}.get(J[pence][1], J[pence][1])
        task = schedule_task(desks[looks], title)
        assert why_not(task)[:1] == [WHY_NOT[pence]], title
        assert not task.tree.xpath("//form[@data-answers]"), title
        forced = forced_answer(desks[looks], asha.get(f"/write-offs/schedules/{schedule}"), task)
        assert forced.errors() == [WHY_NOT[pence]], title
        return schedule, task

    found = dict(zip(J, at_once(asked, [*J]), strict=True))
    bands = {pence: int((await at_the_service(stack, schedule))["band_pence"]) for pence, (schedule, _) in found.items()}
    assert bands == {pence: pence for pence in J}
    client = await Client.connect(
        f"127.0.0.1:{stack.layout.port('temporal')}", namespace="rentbook", data_converter=pydantic_data_converter
    )
    for schedule, task in found.values():
        await a_bare_update_decides_nothing(client, schedule, task, hash_on(asha.get(f"/write-offs/schedules/{schedule}")))
    refused = {pence: await by_sql(stack, task.identity, J[pence][1]) for pence, (_, task) in found.items()}
    assert {pence for pence, constraint in refused.items() if constraint not in REFUSED_BY_THE_DATABASE} == set(), refused

    def decided(pence: int) -> str:
        title, last = f"Debtor of {pence}", None
        for name in J[pence][0]:
            minute = MINUTE if name == "mabel" else None
            last = approved(desks[name], title, after=last, minute=minute, copy=MINUTE_COPY)
        waits = "Decided, in its call-in time" if J[pence][2] else "✓ Posted"
        schedule_says(asha, found[pence][0], waits)
        return balance(asha, members[f"debt-j-{pence}"].account)

    became = dict(zip(J, at_once(decided, [*J]), strict=True))
    assert {pence for pence, says in became.items() if says == "Nothing owed"} == {pence for pence, (_, _, waits) in J.items() if not waits}


def why_not(task: Page) -> list[str]:
    """What a task's page says to somebody who may not decide it: the reasons, then who may."""
    return [" ".join(str(one.text_content()).split()) for one in task.tree.xpath("//*[@id='why-not']/p[not(@class)]")]


def forced_answer(desk: Desk, schedule: Page, task: Page) -> Page:
    """The form that the page does not have, sent as if it had."""
    token = str(task.tree.xpath("//input[@name='csrf']/@value")[0])
    values = {"csrf": token, "form_id": str(uuid4()), "content_hash": hash_on(schedule), "answer": "approved"}
    sent = desk.http.post(
        f"{task.path}/decision", data={**values, "reason_code": "approved:evidence-complete"}, headers={"Origin": desk.address}
    )
    return desk.read(sent)


def hash_on(schedule: Page) -> str:
    return str(schedule.tree.xpath("//*[contains(@class, 'desk-hash')]/text()")[0]).strip()


async def at_the_service(stack: Stack, schedule: str) -> dict[str, Any]:
    return await of_writeoffs(stack, SCHEDULE_PAGE, ScheduleAsked(schedule=UUID(schedule)))


async def of_writeoffs(stack: Stack, query: Query[Any, Any], about: Message) -> dict[str, Any]:
    token = (stack.layout.secrets_of("approvals") / "service_token").read_text().strip()
    headers = headers_of(SYSTEM, token, form=None) | {"Content-Type": "application/json"}
    async with httpx.AsyncClient(timeout=30) as http:
        address = f"{stack.layout.http('writeoffs')}/queries/{query.name}"
        answer = await http.post(address, content=about.model_dump_json(), headers=headers)
    told: dict[str, Any] = answer.raise_for_status().json()
    return told


async def a_bare_update_decides_nothing(client: Client, schedule: str, task: Page, content_hash: str) -> None:
    """The story believes rows alone: an update that names a decision which nobody made is taken, and nothing follows."""
    story = client.get_workflow_handle(schedule_workflow_id(UUID(schedule)))
    for asked_hash in (content_hash, "0" * 64):
        taken = DecisionTaken(decision=uuid4(), task=UUID(task.identity), round=1, content_hash=asked_hash)
        if asked_hash == content_hash:
            await story.execute_update(DECIDE.name, taken)
        else:
            with pytest.raises(WorkflowUpdateFailedError):
                await story.execute_update(DECIDE.name, taken)


_BY_SQL = """
INSERT INTO decision (id, task_id, case_id, attempt, round, stage, stages, content_hash, amount_pence, decided_by, roles, authority_id,
  answer, reason_code, text, carried_out_from)
SELECT $1, task.id, task.case_id, task.attempt, task.round, task.stage, task.stages, task.content_hash, task.amount_pence, $3, $4,
  (SELECT id FROM authority WHERE policy_id = task.policy_id AND act = 'decide' ORDER BY role = $5 DESC, stage = task.stage DESC LIMIT 1),
  'approved', 'evidence-complete', '', current_date + 60
FROM task WHERE task.id = $2
"""


async def by_sql(stack: Stack, task: str, name: str) -> str | None:
    """Which rule of the database refuses the approval of somebody without authority, written as the role that runs the service."""
    password = quote((stack.layout.secrets_of("approvals") / "database_password").read_text().strip(), safe="")
    connection = await asyncpg.connect(f"postgresql://approvals_app:{password}@127.0.0.1:{stack.layout.port('postgres')}/approvals")
    subject = next(one for one in ROLES if one.startswith(f"{name}."))
    try:
        await connection.execute(_BY_SQL, uuid4(), UUID(task), subject, ROLES[subject], ROLES[subject][0])
    except asyncpg.PostgresError as error:
        return str(error.constraint_name)
    finally:
        await connection.close()
    return None


# --- money that moves meanwhile, and back for every reason to do so --------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """What the entries beside the charges tell of a debt's account, by day, code and amount, and what is owed in the end."""

    then: tuple[tuple[date, str, str], ...]
    owed: str


PAID_ON, BACK = business_day(TODAY), business_day(ago(21))
WHEN = ("before", "during", "after")
"""The debt is listed, its schedule waits, it was written off."""
MONEY = {
    "pays-before": Cell(((PAID_ON, "RBP", "-10.00"), (TODAY, "WOF", "-260.00")), "Nothing owed"),
    "pays-during": Cell(((PAID_ON, "RBP", "-11.00"),), "£262.00 behind"),
    "pays-after": Cell(((PAID_ON, "RBP", "-12.00"), (TODAY, "WOF", "-276.00")), "£12.00 in credit"),
    "undone-before": Cell(((ago(14), "RBP", "-40.00"), (TODAY, "RBP", "40.00"), (TODAY, "WOF", "-288.00")), "Nothing owed"),
    "undone-during": Cell(((ago(12), "RBP", "-50.00"), (TODAY, "RBP", "50.00")), "£279.00 behind"),
    "undone-after": Cell(((ago(13), "RBP", "-60.00"), (TODAY, "RBP", "60.00"), (TODAY, "WOF", "-222.00")), "£60.00 behind"),
    "backdated-before": Cell(((BACK, "RBP", "-9.00"), (TODAY, "WOF", "-282.00")), "Nothing owed"),
    "backdated-during": Cell(((BACK, "RBP", "-14.00"),), "£280.00 behind"),
    "backdated-after": Cell(((BACK, "RBP", "-13.00"), (TODAY, "WOF", "-285.00")), "£13.00 in credit"),
}
MOVED = {
    "pays-before": "from £270.00 owed to £260.00 owed",
    "undone-before": "from £248.00 owed to £288.00 owed",
    "backdated-before": "from £291.00 owed to £282.00 owed",
}
DROPPED = {
    "pays-during": f"a payment of £11.00 was received on {in_words(PAID_ON)}, and £262.00 is owed"
    if PAID_ON == TODAY
    else f"a payment of £11.00 was posted, backdated to {in_words(PAID_ON)}, and £262.00 is owed",
    "undone-during": "an earlier payment or credit of £50.00 was reversed, and £279.00 is owed",
    "backdated-during": f"a payment of £14.00 was posted, backdated to {in_words(BACK)}, and £280.00 is owed",
}
"""What a line's end says that the movement took from its schedule."""
WRITTEN_OFF = {name: amount.replace("-", "£") for name, cell in MONEY.items() for _, code, amount in cell.then if code == "WOF"}


def move(desk: Desk, debts: Members, when: str) -> list[str]:
    """A payment, a reversal and a backdated receipt, each on an account of its own."""
    names = [f"{what}-{when}" for what in ("pays", "undone", "backdated")]
    paid = {name: in_pence(f"£{amount.removeprefix('-')}") for name in names for _, _, amount in MONEY[name].then[:1]}
    pay(desk, debts[names[0]], paid[names[0]])
    undo(desk, debts[names[1]], "Bank payment", "The bank took it back")
    pay(desk, debts[names[2]], paid[names[2]], on=ago(21))
    return names


def test_payments_reversals_and_backdated_receipts_leave_the_right_entries_and_each_reason_puts_back_what_is_decided(
    desks: Mapping[str, Desk], members: Members
) -> None:
    asha, debts = desks["asha"], {name: members[f"debt-{name}"] for name in MONEY}
    proposals = dict(zip(MONEY, at_once(lambda name: ready(desks, debts[name], "emigrated"), [*MONEY]), strict=True))

    before = move(asha, debts, "before")
    for name in before:
        moved = proposal_says(asha, proposals[name], "Blocked")
        assert f"The balance has moved {MOVED[name]}" in words_of(moved)
        assert asha.send(moved, f"{moved.path}/reconsider", {"reconsider_note": "All else is as it was"}).errors() == []
        proposal_says(asha, proposals[name], READY)

    schedule = listed(desks, list(proposals.values()), "While money moves")
    task = schedule_task(desks["efua"], "While money moves")
    dropped = move(asha, debts, "during")
    for name in dropped:
        assert "The balance has moved" in words_of(proposal_says(asha, proposals[name], "Blocked")), name
    assert decide_schedule(desks["efua"], task).errors() == []
    became = standings(schedule_says(asha, schedule, "✓ Posted"))
    why = {name: f"DroppedWhat is owed on the account has changed: {DROPPED[name]} now." for name in dropped}
    assert {name: became[proposals[name]] for name in MONEY} == {name: why.get(name, "✓ Posted") for name in MONEY}

    after = move(asha, debts, "after")
    assert {*before, *dropped, *after} == {*MONEY}
    paid_after = [name for name in after if name != "undone-after"]
    for name in paid_after:
        proposed_of_itself(asha, debts[name])
    # What is paid on a written-off debt is owed again: nobody is asked to refund it.
    assert [link for name in paid_after for link in asha.get(f"/accounts/{debts[name].account}").links("/cases/")] == []

    told = {name: sorted(entries(asha, debts[name].account)) for name in MONEY}
    assert told == {name: sorted((str(day), code, amount) for day, code, amount in cell.then) for name, cell in MONEY.items()}
    assert {name: balance(asha, debts[name].account) for name in MONEY} == {name: cell.owed for name, cell in MONEY.items()}
    registered = {name: [row.amount for row in register(asha, debts[name].account)] for name in WRITTEN_OFF}
    assert registered == {name: [amount] for name, amount in WRITTEN_OFF.items()}
    is_put_back_or_not(desks, {reason: debts[back.of] for reason, back in PUT_BACK.items()})


def proposed_of_itself(desk: Desk, member: Member) -> str:
    """The proposal to put back a part of this written-off debt that nobody made."""
    rows = "//main//tbody/tr[contains(., 'Reinstatement')]//a[starts-with(@href, '/write-offs/')]/@href"
    where = f"/write-offs?account={member.account}&status=ready"
    page = desk.wait(where, "what is to be put back", lambda page: bool(page.tree.xpath(rows)))
    [link] = page.tree.xpath(rows)
    return str(link).rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Back:
    """A reason to put back: of which debt, how much, what is owed then; what its page asks for, and the evidence, where it asks for any."""

    of: str
    amount: str
    owed: str
    says: str = ""
    proof: Proof | None = None


PUT_BACK = {
    "traced": Back("pays-before", "£260.00", "£260.00 behind", "The debtor was traced", Proof("found", ago(1))),
    "applies-for-housing": Back(
        "backdated-before", "£282.00", "£282.00 behind", "The application", Proof("document", ago(2), "housing options", "HA/2026/77")
    ),
    "paying": Back("pays-after", "£12.00", "Nothing owed"),
    "charge-undone": Back("undone-before", "£96.00", "Nothing owed"),
}
REFUSED, ACCEPTED = "Not put back", "Put back"


def is_put_back_or_not(desks: Mapping[str, Desk], debts: Members) -> None:
    """Refused without its evidence, declined with it, and proposed anew and accepted, by the authority that wrote it off."""
    asha, efua = desks["asha"], desks["efua"]
    undo(asha, debts["charge-undone"], "Weekly charge", "It was never owed")
    journals = {reason: register(asha, debt.account)[0].journal for reason, debt in debts.items()}

    def wished(reason: str, amount: str = "") -> str:
        page = propose(asha, debts[reason].account, reason, undoes=journals[reason], amount=amount)
        assert page.errors() == [], (reason, page.errors())
        back = PUT_BACK[reason]
        if back.proof is not None:
            lacking = proposal_says(asha, page.identity, "Evidence is being gathered")
            assert back.says in words_of(lacking), reason
            assert bring(desks["bryn"], page.identity, back.proof).errors() == []
        proposal_says(asha, page.identity, READY)
        return page.identity

    def decided(proposals: list[str], title: str, answer: str, words: str, because: str = "") -> None:
        schedule = listed(desks, proposals, title)
        assert why_not(schedule_task(desks["dilip"], title))[0].endswith("is above your £49.99."), title
        approved(efua, title, answer=answer)
        assert standings(schedule_says(asha, schedule, words)) == dict.fromkeys(proposals, f"{words}{because}")

    first = [wished(reason) if PUT_BACK[reason].proof else proposed_of_itself(asha, debt) for reason, debt in debts.items()]
    owed = {reason: balance(asha, debt.account) for reason, debt in debts.items()}
    decided(first, REFUSED, "declined", "Declined", "The debts may still be recovered")
    assert {reason: balance(asha, debt.account) for reason, debt in debts.items()} == owed
    assert {row.kind for debt in debts.values() for row in register(asha, debt.account)} == {"Write-off"}

    # Nobody owes a charge that was undone: it comes again of itself. What was paid may have been refused for good.
    aside = asha.get(f"/write-offs/{first[[*PUT_BACK].index('charge-undone')]}")
    aside.must_say("Set aside: what is left of the undone charge is proposed again on")
    anew = [wished(reason, "" if back.proof else back.amount.removeprefix("£")) for reason, back in PUT_BACK.items()]
    assert not {*first} & {*anew}
    decided(anew, ACCEPTED, "approved", "✓ Posted")
    for reason, back in PUT_BACK.items():
        account = debts[reason].account
        assert balance(asha, account) == back.owed, reason
        assert [entry for entry in entries(asha, account) if entry[1] == "WON"] == [(str(TODAY), "WON", back.amount.removeprefix("£"))]
        kinds = [(row.kind, row.amount) for row in register(asha, account)]
        assert kinds == [("Reinstatement", f"−{back.amount}"), ("Write-off", WRITTEN_OFF[back.of])], reason


# --- many at once ----------------------------------------------------------------------------------------------------------------------

REST = "£44.90"
"""Of £264.90 that each of them was charged, once £220.00 are paid."""


def found_and_proposed(desk: Desk, debts: list[Member], filters: Mapping[str, str]) -> list[str]:
    """Found by reason, age and amount, looked at as proposals, and proposed at once; the proposals, in the order of the debts."""
    accounts = [debt.account for debt in debts]
    preview = pressed(desk, desk.get(f"/write-offs/find?{urlencode(filters)}"), "chosen", account=accounts)
    rows = preview.tree.xpath("//table[caption='Debts that would be proposed']/tbody/tr")
    told = {row.xpath("td[1]/a/@href")[0]: [" ".join(str(cell.text_content()).split()) for cell in row.xpath("td")[1:]] for row in rows}
    assert told == {f"/accounts/{one}": ["nothing", "One letter without a reply for 28 days", REST, REST] for one in accounts}
    assert [proposals_of(desk, one) for one in accounts] == [[] for _ in accounts]
    done = pressed(desk, preview, "propose", note=NOTE)
    done.must_say(f"{len(debts)} proposals are made. Each gathers its own evidence now.")
    made = [proposals_of(desk, one) for one in accounts]
    assert {link for links in made for link in links} == set(
        done.tree.xpath("//table[starts-with(caption, 'Debts that were')]//td[1]/a/@href")
    )
    return [link.rsplit("/", 1)[-1] for [link] in made]


def pressed(desk: Desk, page: Page, button: str, **values: str | list[str]) -> Page:
    """The form for many debts, sent by one of its buttons."""
    assert page.tree.xpath("//button[@name='then'][@value=$button]", button=button), page.text
    typed = {**dict(page.form("/write-offs/many").form_values()), **values, "then": button}
    return desk.read(desk.http.post("/write-offs/many", data=typed, headers={"Origin": desk.address}))


def proposals_of(desk: Desk, account: str) -> list[str]:
    found = desk.get(f"/write-offs?account={account}").tree.xpath("//main//tbody/tr//a[starts-with(@href, '/write-offs/')]/@href")
    return list(dict.fromkeys(str(link) for link in found))


def test_debts_are_found_and_proposed_at_once_and_limits_compare_with_what_remains_of_each(
    desks: Mapping[str, Desk], members: Members
) -> None:
    """What remains of each is a team leader's to decide, and what it was before the payment is not."""
    asha, dilip, debts = desks["asha"], desks["dilip"], [members["debt-story-gone-6"], members["debt-story-gone-8"]]
    by_age = {"reason": "uneconomic", "ended_by": str(TODAY - timedelta(weeks=104)), "from": "44.90", "to": "44.90"}
    asha.get(f"/write-offs/find?{urlencode(by_age)}").must_say("No former tenant owes anything within these filters.")
    for debt in debts:
        pay(asha, debt, 220_00)
    older = {**by_age, "ended_by": str(TODAY - timedelta(weeks=120))}
    asha.get(f"/write-offs/find?{urlencode(older)}").must_say("No former tenant owes anything within these filters.")
    asha.get(f"/write-offs/find?{urlencode(by_age)}").must_say("2 debts, £89.80 together")
    stays, returns = found_and_proposed(asha, debts, by_age)

    for proposal in (stays, returns):
        assert bring(desks["bryn"], proposal, letter(40)).errors() == []
        proposal_says(asha, proposal, READY)
    schedule = listed(desks, [stays, returns], "What remains")
    task = schedule_task(dilip, "What remains")
    assert task.tree.xpath("//form[@data-answers]")
    undo(asha, debts[1], "Bank payment", "The bank took it back")
    moved = proposal_says(asha, returns, "Blocked")
    assert "The balance has moved from £44.90 owed to £264.90 owed" in words_of(moved)
    assert decide_schedule(dilip, task).errors() == []
    became = standings(schedule_says(asha, schedule, "✓ Posted"))
    why = "What is owed on the account has changed: an earlier payment or credit of £220.00 was reversed, and £264.90 is owed now."
    assert became == {stays: "✓ Posted", returns: f"Dropped{why}"}
    assert [balance(asha, debt.account) for debt in debts] == ["Nothing owed", "£264.90 behind"]
    assert [row.amount for row in register(asha, debts[0].account)] == [REST]

    # Of so much this is no reason, and by another it is not a team leader's to decide.
    assert asha.send(moved, f"{moved.path}/reconsider", {"reconsider_note": "All else is as it was"}).errors() == []
    kept = asha.wait(moved.path, "what the sum now blocks", lambda page: "The balance has moved" not in words_of(page))
    assert "to £49.99, over all accounts of the debtor." in words_of(kept)
    assert asha.send(kept, f"{kept.path}/withdraw", {"withdraw_note": "By another reason."}).errors() == []
    listed(desks, [ready(desks, debts[1])], "What it was")
    assert why_not(schedule_task(dilip, "What it was"))[:1] == ["£264.90 is above your £49.99."]


# --- the provision ---------------------------------------------------------------------------------------------------------------------

_PROVISION = """
SELECT account.reference, sum(entry.amount_pence)::bigint AS pence FROM journal JOIN entry ON entry.journal = journal.id
JOIN account ON account.id = entry.account WHERE journal.id = $1 AND journal.effective_date = $2 GROUP BY account.reference
"""
_HELD = """
SELECT -sum(entry.amount_pence)::bigint AS pence FROM entry JOIN journal ON journal.id = entry.journal
JOIN account ON account.id = entry.account WHERE account.reference = 'BAD_DEBT_PROVISION' AND journal.effective_date <= $1
"""


async def test_finance_posts_the_provision_of_the_month_that_ended_and_its_reports_say_what_the_page_and_the_books_say(
    stack: Stack, desks: Mapping[str, Desk]
) -> None:
    asha, greta, month_end = desks["asha"], desks["greta"], TODAY.replace(day=1) - timedelta(days=1)
    where, post = "/write-offs/provision", "/write-offs/provision/post"
    asha.get(where).must_say("Finance posts it.")
    seen = greta.get(where)
    before = provision_facts(seen)
    assert before["To post"] == before["It has to be"] - before["It was"] > 0
    posted = greta.send(seen, post, {})
    assert posted.errors() == []
    assert provision_facts(posted) == {**{name: before[name] for name in ("It has to be", "It was")}, "Posted": before["To post"]}
    posted.must_say("by Greta Nakamura")
    assert post not in {str(form.get("action")) for form in posted.tree.forms}
    journal = str(posted.tree.xpath("//*[contains(@class, 'desk-hash')]/text()")[0]).strip()
    legs = await of_the_ledger(stack, _PROVISION, UUID(journal), month_end)
    assert {row["reference"]: row["pence"] for row in legs} == {
        "BAD_DEBT_EXPENSE": before["To post"],
        "BAD_DEBT_PROVISION": -before["To post"],
    }
    assert [row["pence"] for row in await of_the_ledger(stack, _HELD, month_end)] == [before["It has to be"]]

    book = fetched(asha, f"{where}.xlsx?month_end={month_end}")
    *bands, together = [row for row in cells(book, "Expected loss") if row[0]]
    shown = [tuple(in_pence(str(cell.text)) for cell in row.xpath("td[2] | td[4]")) for row in posted.tree.xpath(_BANDS)]
    assert [(pence(row[2]), pence(row[4])) for row in bands] == shown
    assert (pence(together[2]), pence(together[4])) == (sum(owed for owed, _ in shown), before["It has to be"])
    assert sum(loss for _, loss in shown) == before["It has to be"]
    assert [pence(row[1]) for row in cells(book, "By status") if row[0] == "Together"] == [pence(together[2])]
    assert [(row[0], row[1] and pence(row[1]), row[2] and pence(row[2])) for row in cells(book, "Journal")] == [
        ("Bad-debt expense", before["To post"], ""),
        ("Provision for bad debts", "", before["To post"]),
    ]
    is_pdf_ua(fetched(asha, f"{where}.pdf?month_end={month_end}"))


_BANDS = "//table[starts-with(caption, 'Expected loss')]/tbody/tr[not(contains(@class, 'desk-strong'))]"


def provision_facts(page: Page) -> dict[str, int]:
    """What it has to be, what it was, and what is or was to post, in pence."""
    return {str(one.xpath("dt")[0].text_content()): in_pence(str(one.xpath("dd")[0].text)) for one in page.tree.xpath("//main//dl/div")}


def is_pdf_ua(content: bytes) -> None:
    found = validation.validate_pdf_bytes(content, profile=validation.ValidationProfile.PDF_UA_1)
    assert found.is_compliant, found.failures


# --- reports ---------------------------------------------------------------------------------------------------------------------------

CODES = {"Written off": "WOF", "Put back": "WON", "Credits taken to income": "CWO"}
IN_THE_REGISTER = {"Written off": "Write-off", "Put back": "Reinstatement", "Credits taken to income": "Write-on of a credit"}

_IN_THE_BOOKS = """
SELECT journal.code, count(DISTINCT journal.id) AS journals, sum(entry.amount_pence) FILTER (WHERE entry.amount_pence > 0)::bigint AS pence
FROM journal JOIN entry ON entry.journal = journal.id
WHERE journal.code = ANY($1) AND journal.decision_id IS NOT NULL AND journal.reverses IS NULL GROUP BY journal.code
"""


async def test_reports_sum_to_the_register_and_to_the_books(stack: Stack, desks: Mapping[str, Desk], members: Members) -> None:
    """In every form that the desk hands out, whatever else was posted on this stack."""
    asha, garage = desks["asha"], members["debt-garage"]
    proposal = ready(desks, garage, "emigrated")
    schedule = listed(desks, [proposal], "For the reports")
    approved(desks["efua"], "For the reports")
    schedule_says(asha, schedule, "✓ Posted")

    rows = [*csv.DictReader(io.StringIO(fetched(asha, "/write-offs/register.csv").decode("utf-8-sig")))]
    assert [row["Of which VAT (£)"] for row in rows if row["Account"] == garage.reference] == ["11.88"]
    kinds = {words: [row for row in rows if row["What"] == what] for words, what in IN_THE_REGISTER.items()}
    registered = {words: summed(of_kind) for words, of_kind in kinds.items() if of_kind}
    assert sum(lines for lines, _ in registered.values()) == len(rows)
    assert registered == await in_the_books(stack)
    book = fetched(asha, "/write-offs/register.xlsx?order=largest")
    assert {str(row[0]): (row[1], pence(row[2])) for row in cells(book, "Together")} == registered
    assert sorted(pence(row[5]) for row in cells(book, "Register") if row[9]) == sorted(in_pence(f"£{row['Amount (£)']}") for row in rows)
    page = asha.get("/write-offs/register")
    facts = {str(one.xpath("dt")[0].text_content()): str(one.xpath("dd")[0].text).strip() for one in page.tree.xpath("//dl/div")}
    assert {words: in_pence(says) for words, says in facts.items()} == {words: total for words, (_, total) in registered.items()}

    totals = cells(fetched(asha, f"/write-offs/totals.xlsx?since={TODAY}&until={TODAY}"), "Totals by reason")
    assert (sum(round(float(str(row[4]))) for row in totals), sum(pence(row[5]) for row in totals)) == summed(
        row for row in rows if row["Posted on"] == str(TODAY)
    )
    lines = cells(fetched(asha, f"/write-offs/schedules/{schedule}.xlsx"), "Lines")
    assert [(row[0], pence(row[5]), row[7]) for row in lines if row[8]] == [(garage.reference, 71_20, "Posted")]
    for path in ("/write-offs/register.pdf", "/write-offs/totals.pdf", f"/write-offs/schedules/{schedule}.pdf"):
        is_pdf_ua(fetched(asha, path))


def fetched(desk: Desk, path: str) -> bytes:
    answer = desk.http.get(path)
    assert answer.status_code == 200, (path, answer.text[:300])
    return answer.content


def cells(content: bytes, sheet: str) -> list[list[Any]]:
    """The rows of a sheet below its headings."""
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(sheet).to_python()[1:]


def pence(pounds: object) -> int:
    return round(float(str(pounds)) * 100)


def summed(rows: Iterable[Mapping[str, str]]) -> tuple[int, int]:
    """What was put back has a minus sign; beside its kind a sum has none."""
    amounts = [(row["What"], in_pence(f"£{row['Amount (£)']}")) for row in rows]
    assert all((amount < 0) == (what == IN_THE_REGISTER["Put back"]) for what, amount in amounts)
    return len(amounts), sum(abs(amount) for _, amount in amounts)


async def in_the_books(stack: Stack) -> dict[str, tuple[int, int]]:
    """How many journals the ledger has of each kind, and what they moved."""
    found = {row["code"]: (row["journals"], row["pence"]) for row in await of_the_ledger(stack, _IN_THE_BOOKS, [*CODES.values()])}
    return {words: found[code] for words, code in CODES.items() if code in found}


async def of_the_ledger(stack: Stack, query: str, *of: object) -> list[asyncpg.Record]:
    password = quote((stack.layout.secrets_of("ledger") / "database_password").read_text().strip(), safe="")
    connection = await asyncpg.connect(f"postgresql://ledger_app:{password}@127.0.0.1:{stack.layout.port('postgres')}/ledger")
    try:
        found: list[asyncpg.Record] = await connection.fetch(query, *of)
    finally:
        await connection.close()
    return found
