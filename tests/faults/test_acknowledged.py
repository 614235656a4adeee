"""Whatever the load may send at the desk, its list tells of it to the checker."""

import re
from uuid import uuid4

from approvals.web.routes import FORMS
from httpx import URL
from lxml import html
from rentbook_local.checking.accepted import KINDS
from rentbook_local.journey.desk import Page

from faults.acknowledged import OF_FORMS, Told, told_of

UNTOLD = {kind.kind for kind in OF_FORMS.values() if kind is not None}


def _page(path: str) -> Page:
    return Page(URL(path), 200, html.document_fromstring("<p></p>"))


def test_every_form_of_the_desk_has_its_kind() -> None:
    assert list(OF_FORMS) == [address for address, _, _ in FORMS]
    assert set(KINDS) >= UNTOLD
    assert set(KINDS) - UNTOLD == {"bank-file", "propose-in-bulk", "debit-week"}


def test_each_form_is_told_of_by_its_own_kind() -> None:
    answer = str(uuid4())
    for address, kind in OF_FORMS.items():
        form, named = str(uuid4()), {name: str(uuid4()) for name in re.findall(r"\{(\w+):uuid\}", address)}
        told = told_of(re.sub(r"\{(\w+):uuid\}", lambda found, named=named: named[found[1]], address), form, _page(f"/cases/{answer}"))  # type: ignore[misc]
        if kind is None:
            assert told is None
        elif kind.named == "form":
            assert told == Told(kind.kind, form, None)
        elif kind.named == "answer":
            assert told == Told(kind.kind, form, answer)
        else:
            assert told == Told(kind.kind, None, named[kind.named])
