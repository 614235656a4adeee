"""Authority that is lent, somebody who is away, and refunds decided together, each on the real stack up to the payment.

It asks for parts of large credits only: the journeys of whole refunds find the same people with as much as their band needs.
"""

from collections.abc import Mapping
from uuid import UUID

from rentbook_local.demo.writing import london_today
from rentbook_local.journey.desk import Desk, Page
from rentbook_local.journey.steps import Member, case_says, decide, open_task, release
from support.stack import Stack

from journeys.test_bare_hands import decisions_of
from journeys.test_refund import requested

MANAGER = "efua.manager"


def part(desk: Desk, member: Member, pounds: str) -> str:
    """A request for so much of the credit; its case."""
    return requested(desk, member, amount_is="some", amount=pounds)


def on_cover(desk: Desk, action: str, **words: str) -> Page:
    page = desk.send(desk.get("/cover"), action, words)
    assert page.errors() == []
    return page


def ended(desk: Desk, kind: str) -> None:
    """All that this person can end of a kind, which are delegations or absences."""
    ends = [str(form.get("action")) for form in desk.get("/cover").tree.forms if str(form.get("action")).startswith(f"/cover/{kind}/")]
    assert ends
    for end in ends:
        on_cover(desk, end)


def signed_in_again(desk: Desk, link: str) -> Page:
    """The page that the person comes back to."""
    picker = desk.get(link)
    [form] = [form for form in picker.tree.forms if form.xpath(f".//*[@name='sub'][@value='{desk.subject}']")]
    where = picker.url.join(form.get("action") or str(picker.url))
    return desk.read(desk.http.request(form.method, where, data={**dict(form.form_values()), "sub": desk.subject}))


def decided_together(desk: Desk, tasks: list[str]) -> Page:
    """Chosen, opened, signed for anew, approved; each step only once the one before it is done."""
    page = desk.send(desk.get("/together"), "/together", {"task": [task.rpartition("/")[2] for task in tasks]})
    chosen = page.path
    assert page.text.count("Open this one first") == len(tasks)
    for task in tasks:
        assert not desk.get(chosen).links("/sign-in")
        desk.get(task)
    page = desk.get(chosen)
    [link] = page.links("/sign-in")
    assert chosen not in [form.get("action") for form in page.tree.forms], "nobody was asked who they are"
    page = signed_in_again(desk, link)
    assert page.path == chosen
    return desk.send(page, chosen, {})


def test_what_is_lent_reaches_as_far_and_as_long_as_it_was_lent_and_two_are_decided_together(
    stack: Stack, members: Mapping[str, Member], officer: Desk, leader: Desk, finance: Desk
) -> None:
    today = str(london_today())
    lent = {"taker": leader.subject, "lent_from": today, "lent_until": today}
    large, other = members["band-income-manager"], members["band-head-of-service"]
    small = [members["band-team-leader"], members["band-senior-officer"]]
    cases = [part(officer, large, "600"), part(officer, other, "550"), *(part(officer, one, "21") for one in small)]
    with Desk(stack.layout.desk, MANAGER) as manager:
        # A deputy is told what waits, and may decide none of it by that.
        on_cover(manager, "/cover/absences", deputy=leader.subject, away_from=today, away_until=today)
        assert "Efua Thornbury is out of office" in leader.get("/work").text
        task = open_task(leader, large.account)
        task.must_say("is above your £500.00")

        # As far as it was lent.
        on_cover(manager, "/cover/delegations", ceiling="599.99", **lent)
        leader.get(task.path).must_say("is above your £599.99")
        on_cover(manager, "/cover/delegations", ceiling="600", **lent)
        page = decide(leader, leader.get(task.path), "approved")
        assert page.errors() == []
        page.must_say("Approved by you, by authority of Efua Thornbury")

        # As long as it was lent: the page was opened before its end, and its form comes after.
        opened = open_task(leader, other.account)
        assert opened.tree.xpath("//form[@data-answers]")
        ended(manager, "delegations")
        assert "is above your £500.00" in decide(leader, opened, "approved").text
        assert decisions_of(stack, UUID(cases[1])) == []
        ended(manager, "absences")
        assert decide(manager, manager.get(opened.path), "approved").errors() == []

    tasks = [open_task(leader, one.account).path for one in small]
    decided_together(leader, tasks).must_say("2 refunds approved, £42.00")

    assert release(finance, cases).errors() == []
    for case in cases:
        case_says(officer, case, "With the bank, arrives on")
