"""The published language and the services' wiring say the same."""

import re
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import approvals.app
import ledger.app
import notices.app
import pytest
import refunds.app
import writeoffs.app
from approvals.settings import ApprovalsSettings
from chassis.consumer import consumers, kafka_broker
from chassis.process import make_runtime
from chassis.serving import App
from chassis.settings import Settings
from ledger.settings import LedgerSettings
from notices.settings import NoticesSettings
from refunds.domain.means import Means
from refunds.settings import RefundsSettings
from rentbook_contracts.operation import Command, Operation, Query, Signal, Update, Workflow
from rentbook_contracts.publication import asyncapi
from rentbook_contracts.topics import SERVICES, TOPICS
from support.published import MODULES, offered
from workflows.app import WORKFLOWS
from writeoffs.settings import WriteOffsSettings

from workflows import payment_run, refund_approval, write_off_approval, write_off_proposal

DOCS = Path(__file__).parents[2] / "docs"
STORIES = (refund_approval, payment_run, write_off_proposal, write_off_approval)


def every_app(folder: Path) -> dict[str, tuple[App, Settings]]:
    """Each service as its app.py wires it. Refunds' means are its keys and places, which no wiring depends on."""
    (folder / "service_token").write_text("token\n")
    told: dict[str, Any] = {
        "database_url": "postgresql+asyncpg://nobody@127.0.0.1:1/none",
        "kafka_bootstrap": "127.0.0.1:1",
        "temporal_address": "127.0.0.1:1",
        "secrets_dir": folder,
    }
    of_ledger = LedgerSettings(**told)
    of_refunds = RefundsSettings(**told, bank_url="http://127.0.0.1:1", payments_dir=folder)
    of_approvals = ApprovalsSettings(**told, oidc_issuer="http://127.0.0.1:1", oidc_client_id="desk", public_url="http://127.0.0.1:1")
    of_writeoffs = WriteOffsSettings(**told)
    of_notices = NoticesSettings(**told, letters_dir=folder)
    return {
        "ledger": (ledger.app.make_app(of_ledger), of_ledger),
        "refunds": (refunds.app.wired(cast(Means, None), of_refunds), of_refunds),
        "writeoffs": (writeoffs.app.make_app(of_writeoffs), of_writeoffs),
        "approvals": (approvals.app.make_app(of_approvals), of_approvals),
        "notices": (notices.app.make_app(of_notices), of_notices),
    }


@pytest.fixture
def apps(tmp_path: Path) -> dict[str, App]:
    return {name: app for name, (app, _) in every_app(tmp_path).items()}


def test_every_service_of_the_language_has_an_app_of_its_name(apps: dict[str, App]) -> None:
    assert tuple(apps) == SERVICES
    assert [app.name for app in apps.values()] == list(SERVICES)


async def test_faststream_subscribes_to_the_topics_that_the_contract_says_with_the_groups_that_it_says(tmp_path: Path) -> None:
    operations = asyncapi()["operations"].values()
    for name, (app, settings) in every_app(tmp_path).items():
        async with make_runtime(name, settings) as runtime:
            broker = kafka_broker(runtime, settings)
            for consumer in consumers(runtime, app):
                consumer.subscribe(broker)
            hosted = {(topic.name, each.group_id) for each in cast(list[Any], broker.subscribers) for topic in each.topics}
        received = [each for each in operations if each["action"] == "receive" and each["tags"] == [{"name": name}]]
        told = {(each["channel"]["$ref"], *each["bindings"]["kafka"]["groupId"]["enum"]) for each in received}
        assert {(f"#/channels/{topic}", group) for topic, group in hosted} == told


def test_services_hear_exactly_the_topics_that_they_have_a_right_to(apps: dict[str, App]) -> None:
    heard = {(name, subscription.fact.topic) for name, app in apps.items() for subscription in app.listens}
    assert heard == {(hearer, topic.name) for topic in TOPICS for hearer in topic.hearers}


def test_the_page_of_the_house_says_of_each_topic_who_publishes_and_who_hears() -> None:
    """In its table, and in its drawing where a topic is heard at all."""
    page = (DOCS / "architecture.md").read_text("utf-8")
    table = re.findall(r"^\| `([\w.-]+)` \| (\w+) \| ([\w, -]+) \| [\w ]+ \|$", page, re.MULTILINE)
    assert table == [(topic.name, topic.publisher, ", ".join(topic.hearers) or "-") for topic in TOPICS]
    drawn = re.findall(r"(\w+\.[\w-]+) -+> (\w+(?:, \w+)*)", page)
    assert sorted(drawn) == sorted((topic.name, ", ".join(topic.hearers)) for topic in TOPICS if topic.hearers)


@pytest.mark.parametrize("story", [write_off_proposal, write_off_approval], ids=["WriteOffProposal", "WriteOffApproval"])
def test_the_flow_of_a_write_off_names_each_step_that_its_stories_call(story: ModuleType, request: pytest.FixtureRequest) -> None:
    page = (DOCS / "flows" / "write-off.md").read_text("utf-8")
    [told] = re.findall(rf"^\| `{request.node.callspec.id}` \| calls \| (.+) \|$", page, re.MULTILINE)
    calls = [each.name.partition(".")[2] for each in vars(story).values() if isinstance(each, Operation)]
    assert sorted(told.split(", ")) == sorted(calls)


def offers_of(app: App) -> list[Any]:
    return [
        *(each.operation for each in app.offers),
        *(each.query for each in app.answers),
        *(each.command for each in app.accepts),
        *(each.update for each in app.outcomes),
    ]


def test_every_operation_query_and_command_is_offered_by_exactly_one_service(apps: dict[str, App]) -> None:
    offers = Counter(id(offer) for app in apps.values() for offer in offers_of(app))
    told = {each.name: offers[id(each)] for module in MODULES for each in offered(module, Operation, Query, Command)}
    assert {name: times for name, times in told.items() if times != 1} == {}


def test_services_offer_nothing_that_the_language_does_not_have(apps: dict[str, App]) -> None:
    told = {id(each) for module in MODULES for each in offered(module)}
    assert [offer.name for app in apps.values() for offer in offers_of(app) if id(offer) not in told] == []


def test_an_offer_stands_in_the_module_of_the_service_that_owns_it() -> None:
    for module in MODULES:
        home = module.__name__.rsplit(".", 1)[1]
        for each in offered(module, Operation, Query, Command):
            owner = each.queue if isinstance(each, Operation) else cast(Query[Any, Any] | Command[Any, Any], each).service
            assert owner == home, each.name


def test_names_are_told_once() -> None:
    for kind in (Operation, Query, Command, Workflow, Signal, Update):
        names = Counter(each.name for module in MODULES for each in {id(o): o for o in offered(module, kind)}.values())
        assert [name for name, times in names.items() if times > 1] == []


def test_every_step_that_a_story_calls_is_offered_and_every_step_is_called(apps: dict[str, App]) -> None:
    called = {each.name for story in STORIES for each in offered(story, Operation)}
    steps = {each.operation.name for app in apps.values() for each in app.offers}
    assert called == steps


def test_stories_of_the_language_are_told_and_hear_all_that_may_be_told_to_them() -> None:
    told = {each.name for module in MODULES for each in offered(module, Workflow)}
    assert told == {story.__name__ for story in WORKFLOWS}
    messages = {each.name for module in MODULES for each in offered(module, Signal, Update)}
    heard = {each.name for story in STORIES for each in offered(story, Signal, Update)}
    assert heard == messages


def test_every_update_that_the_desk_sends_has_its_outcome_recorded(apps: dict[str, App]) -> None:
    updates = {each.name for module in MODULES for each in offered(module, Update)}
    assert {outcome.update.name for outcome in apps["approvals"].outcomes} == updates


@pytest.mark.parametrize("service", SERVICES)
def test_a_canvas_names_all_that_its_service_hears_tells_offers_answers_and_accepts(service: str, apps: dict[str, App]) -> None:
    canvas = (Path(__file__).parents[2] / "services" / service / "README.md").read_text("utf-8").replace("_", "-")
    app = apps[service]
    told = [topic.name for topic in TOPICS if service in (topic.publisher, *topic.hearers)]
    offers = [offer.name.removeprefix(f"{service}.") for offer in offers_of(app)]
    assert [name for name in (*told, *offers) if name.replace("_", "-") not in canvas] == []
