"""A person's browser without the browser: reads a page's forms and sends them as they stand, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from lxml import html
from support.web import client

from desk.conftest import Place


@dataclass
class Visitor:
    """Signed in. `page` is the last page that was read."""

    http: httpx.AsyncClient
    origin: str
    page: html.HtmlElement | None = None

    async def read(self, path: str, status: int = 200) -> str:
        """Open a page and return its text."""
        answer = await self.http.get(path, follow_redirects=True)
        assert answer.status_code == status, answer.text[:400]
        return self._keep(answer)

    def fields(self, action: str) -> dict[str, str]:
        """The fields of the form with this action, as the page filled them in."""
        assert self.page is not None
        form = next(one for one in self.page.forms if one.get("action") == action)
        return dict(form.form_values())

    async def send(self, action: str, status: int = 200, /, **typed: str) -> str:
        """Fill in the form with this action on the page that was read, send it, and follow to the page it leads to."""
        return await self.post(action, {**self.fields(action), **typed}, status)

    async def send_with_file(self, action: str, name: str, file: tuple[str, bytes], status: int = 200, /, **typed: str) -> str:
        """The same with a file, under the name that the person's machine gives it."""
        words = {**self.fields(action), **typed}
        answer = await self.http.post(action, data=words, files={name: file}, headers={"origin": self.origin}, follow_redirects=True)
        assert answer.status_code == status, answer.text[:400]
        return self._keep(answer)

    async def post(self, action: str, words: dict[str, str], status: int = 200) -> str:
        answer = await self.http.post(action, data=words, headers={"origin": self.origin}, follow_redirects=True)
        assert answer.status_code == status, (answer.status_code, _text(html.document_fromstring(answer.text))[:400])
        return self._keep(answer)

    def summary(self) -> dict[str, str]:
        """The error summary: where each error leads, and what it says."""
        assert self.page is not None
        links = self.page.xpath('//div[contains(@class,"govuk-error-summary")]//a')
        return {link.get("href"): link.text_content().strip() for link in links}

    def typed(self, name: str) -> str:
        """What stands in a field of the page."""
        assert self.page is not None
        found = self.page.xpath(f'//*[@name="{name}"]')[0]
        return str(found.value or "")

    def _keep(self, answer: httpx.Response) -> str:
        self.page = html.document_fromstring(answer.text)
        return _text(self.page)


def _text(page: html.HtmlElement) -> str:
    return " ".join(page.text_content().split())


@asynccontextmanager
async def visiting(place: Place, who: str, *, again: bool = False) -> AsyncIterator[Visitor]:
    """A visitor who is signed in as one of PEOPLE; `again`: and was just asked anew who they are."""
    key, _ = await place.signed_in(who, again=again)
    async with client(base_url=place.url, cookies={"rentbook": key}) as http:
        yield Visitor(http, place.url)
