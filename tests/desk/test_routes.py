"""Every route against every role: what the real routes answer is what docs/routes.md says. RENTBOOK_WRITE_ROUTES=1 writes it anew."""

import os
from pathlib import Path

import httpx
import pytest
from approvals.web.desk import DeskSettings, make_desk
from approvals.web.routes import FORMS, PAGES, make_app
from approvals.web.security import Guard
from rentbook_contracts.people import Role
from rentbook_local.layout import DATABASES
from starlette.applications import Starlette
from starlette.routing import Route
from support.servers import Postgres

from desk import estate
from desk.conftest import Place
from desk.doors import NO, NOBODY, ROLES, SIGNS_IN, YES, doors_of, opened_doors
from desk.walk import ATTEMPTS, OUTSIDE, desk_of

TABLE = Path(__file__).parents[2] / "docs" / "routes.md"
BEHIND_THE_DESK = ("ledger", "refunds", "writeoffs", "notices")
MARKS = {YES: "yes", NO: "–", SIGNS_IN: "sign-in"}

HEAD = """# Who finds what at each address

Written by `RENTBOOK_WRITE_ROUTES=1 ./rentbook test -- tests/desk/test_routes.py`, which tries every address of the desk and of every
service as nobody and as each role. Without that setting the same test fails where this page and the answers differ. *yes*: the page is
shown, or the form, filled in as somebody would who may send it, is taken. *–*: it is refused, and nothing is done. *sign-in*: the way to
the sign-in.

A *yes* is the least that stands before an act. Authority by amount and four eyes are judged for the person and the case on top of it; here
the case is one of £141.20 that nobody but an officer has touched, which is within the band of a team leader.

An executive-member and democratic-services read no accounts and no cases. Where an address names a task, a decision, a schedule or a
proposal, theirs here is of a schedule of write-offs that was put to that role; of any other they are refused
(`tests/desk/test_reading.py`).
"""
DESK = """
## The desk

Forms carry the token of the session and come from a page of the desk; `tests/desk/test_hostile.py` tries every form without.
"""
DOORS = """
## The services behind it

They answer Rentbook's own services alone: *nobody* has no token. A role is that of the person in whose name a service calls. `/health` and
`/metrics` hold no personal data and stand open on the inner network; those of approvals stand on the desk's own port, and whoever puts the
desk before the public leaves them out.
"""


def table(found: dict[str, dict[str, str]]) -> str:
    callers = (NOBODY, *ROLES)
    lines = [f"| address | {' | '.join(callers)} |", f"|---|{'---|' * len(callers)}"]
    lines += [f"| `{address}` | {' | '.join(MARKS[answers[who]] for who in callers)} |" for address, answers in found.items()]
    return "\n".join(lines) + "\n"


def refused_by_owners(doors: dict[str, dict[str, str]]) -> dict[str, frozenset[str]]:
    """By path, the roles that the owner turns away."""
    refused = {address.split(" ")[2]: frozenset(role for role in ROLES if answers[role] == NO) for address, answers in doors.items()}
    return {path: roles for path, roles in refused.items() if roles}


@pytest.mark.timeout(900)  # some thousand requests, each answered by the real routes on a real database
async def test_every_route_answers_every_role_as_the_table_says(place: Place, postgres: Postgres, tmp_path: Path) -> None:
    doors: dict[str, dict[str, str]] = {}
    for service in ("approvals", *BEHIND_THE_DESK):
        doors |= await doors_of(service, postgres, tmp_path / service)
    desk = await desk_of(place, refused_by_owners(doors))
    written = f"{HEAD}{DESK}\n{table(desk)}{DOORS}\n{table(doors)}"
    if os.environ.get("RENTBOOK_WRITE_ROUTES"):
        TABLE.write_text(written)
    stands = TABLE.read_text().splitlines()
    assert [line for line in written.splitlines() if line not in stands] == []
    assert stands == written.splitlines()


def test_every_service_is_in_the_table() -> None:
    assert set(DATABASES) == {"approvals", *BEHIND_THE_DESK}


def test_every_form_of_the_desk_has_an_attempt_and_no_attempt_is_left_over() -> None:
    assert {path for path, *_ in FORMS} == set(ATTEMPTS)


BY_CASE = ("/tasks/{task:uuid}/claim", "/tasks/{task:uuid}/decision", "/decisions/{decision:uuid}/recall", "/cover/delegations")
"""Where authority is judged as well, for the case and the amount: what is declared says who reads it."""


def test_a_form_is_declared_for_nobody_whom_the_table_refuses() -> None:
    """Its owner would refuse it only after the page had asked and the form was filled in."""
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in TABLE.read_text().splitlines() if line.startswith("| `POST /")]
    taken = {row[0].removeprefix("POST "): {role for role, said in zip(ROLES, row[2:], strict=True) if said == "yes"} for row in rows}
    wider = {path: whom.roles - taken[path] - {Role.AUDITOR} for path, _, whom in FORMS if not path.startswith(BY_CASE)}
    assert {path: roles for path, roles in wider.items() if roles} == {}


async def test_the_routes_that_are_walked_are_those_that_the_desk_serves(place: Place) -> None:
    """The table would be blind to an address that stands beside PAGES and FORMS."""
    guard = make_app(make_desk(place.runtime, DeskSettings(place.url, "https://issuer.example", "desk", "secret", "key")))
    assert isinstance(guard, Guard)
    assert isinstance(guard.app, Starlette)
    routes = [route for route in guard.app.routes if isinstance(route, Route)]
    assert len(routes) == len(guard.app.routes)
    served = {f"{method} {route.path}" for route in routes for method in (route.methods or set()) - {"HEAD"}}
    assert served == set(OUTSIDE) | {f"GET {path}" for path, *_ in PAGES} | {f"POST {path}" for path, *_ in FORMS}


@pytest.mark.parametrize("service", BEHIND_THE_DESK)
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer "}, {"authorization": "Bearer wrong"}, {"authorization": "the-services-token-and-more"}]
)
async def test_no_door_opens_without_the_services_token(service: str, headers: dict[str, str], postgres: Postgres, tmp_path: Path) -> None:
    async with opened_doors(service, postgres, tmp_path) as doors:
        for route in doors.routes:
            if route.path in ("/health", "/metrics"):
                continue
            [method] = (route.methods or set()) - {"HEAD"}
            path = route.path
            for name in route.param_convertors:
                path = path.replace(f"{{{name}:uuid}}", str(estate.LETTER))
            answer: httpx.Response = await doors.http.request(method, path, content="{}", headers={"x-rentbook-person": "p", **headers})
            assert answer.status_code == 401, path
