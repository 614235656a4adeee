"""The desk as a person uses it: pages are read, forms are filled in and sent. Nothing here knows more than the page shows."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx
from lxml import etree, html

from rentbook_local.problem import Problem

PAGE_LIMIT_SECONDS = 30.0
WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.25
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Unexpected(Problem):
    """A page does not say what it has to at this point of the story, or there is none."""


@dataclass(frozen=True)
class Page:
    """One answer of the desk."""

    url: httpx.URL
    status: int
    tree: html.HtmlElement

    @property
    def path(self) -> str:
        return self.url.path

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        return " ".join(str(self.tree.text_content()).split())

    @property
    def identity(self) -> str:
        """The id in the page's own address. Errors: Unexpected where it has none."""
        found = _UUID.search(self.path)
        if found is None:
            raise Unexpected(f"The address {self.path} names nothing.")
        return found.group()

    @property
    def heading(self) -> str:
        found = self.tree.xpath("//h1")
        return " ".join(str(found[0].text_content()).split()) if found else ""

    @property
    def status_words(self) -> str:
        """The first tag of the page's main part: where the thing that it shows stands."""
        found = self.tree.xpath("//main//*[contains(concat(' ', @class, ' '), ' desk-tag ')]")
        return " ".join(str(found[0].text_content()).split()) if found else ""

    def errors(self) -> list[str]:
        """The sentences of the error summary."""
        return [" ".join(str(item.text_content()).split()) for item in self.tree.xpath("//*[contains(@class,'govuk-error-summary')]//li")]

    def links(self, start: str) -> list[str]:
        """Addresses of the page that begin so, each once, in order."""
        return list(dict.fromkeys(str(link) for link in self.tree.xpath("//a/@href") if str(link).startswith(start)))

    def form(self, action: str) -> html.FormElement:
        """The form that is sent to this address. Errors: Unexpected."""
        for form in self.tree.forms:
            if httpx.URL(form.get("action", "")).path == action:
                return form
        raise Unexpected(f"{self.path} has no form for {action}: “{self.heading}”.")

    def must_say(self, words: str) -> None:
        """Errors: Unexpected where the page does not say it."""
        if words not in self.text:
            raise Unexpected(f"{self.path} does not say “{words}”, but: {'; '.join(self.errors()) or self.heading}.")


class Desk:
    """One person at the desk, signed in. A context manager."""

    def __init__(self, address: str, subject: str) -> None:
        self.address = address
        self.subject = subject
        self.http = httpx.Client(base_url=address, follow_redirects=True, timeout=PAGE_LIMIT_SECONDS)

    def __enter__(self) -> Self:
        self._sign_in()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.http.close()

    def get(self, path: str) -> Page:
        return self._asked("GET", path)

    def send(
        self, page: Page, action: str, values: Mapping[str, str | list[str]], *, files: Mapping[str, tuple[str, bytes, str]] | None = None
    ) -> Page:
        """Fill in and send one of the page's forms; what is not named stays as the page has it. `files`: name, content and media type."""
        form = page.form(action)
        filled: dict[str, str | list[str]] = {}
        for name, value in form.form_values():
            held = filled.get(name)
            filled[name] = value if held is None else [*(held if isinstance(held, list) else [held]), value]
        for name in values:
            if name not in form.fields:
                raise Unexpected(f"The form for {action} has no field {name}.")
        filled |= values
        if (form.method or "get").lower() == "get":
            return self._asked("GET", action, params=filled)
        return self._asked("POST", action, data=filled, files=files, headers=self._origin)

    def upload(self, page: Page, action: str, name: str, content: bytes) -> Page:
        """Drop a file on the page's form for files."""
        form = page.form(action)
        fields = {key: value for key, value in form.form_values() if key != "file"}
        return self._asked("POST", action, data=fields, files={"file": (name, content)}, headers=self._origin)

    def wait(self, path: str, what: str, ready: Callable[[Page], bool], *, limit_seconds: float = WAIT_SECONDS) -> Page:
        """Look at a page until it shows what is waited for. Errors: Unexpected at the limit."""
        end = time.monotonic() + limit_seconds
        while True:
            page = self.get(path)
            if ready(page):
                return page
            if time.monotonic() > end:
                raise Unexpected(f"After {limit_seconds:.0f} s {path} does not show {what}: “{page.heading}”.")
            time.sleep(_POLL_SECONDS)

    @property
    def _origin(self) -> dict[str, str]:
        return {"Origin": self.address}

    def _sign_in(self) -> None:
        page = self.get("/sign-in")
        for form in page.tree.forms:
            values = dict(form.form_values())
            buttons = form.xpath(".//button[@name='sub'] | .//input[@name='sub']")
            if any(button.get("value") == self.subject for button in buttons):
                values["sub"] = self.subject
                page = self._asked(form.method, str(page.url.join(form.get("action") or str(page.url))), data=values)
                break
        if not str(page.url).startswith(self.address):
            raise Unexpected(f"Nobody can sign in as {self.subject}.")

    def _asked(self, method: str, address: str, **how: Any) -> Page:
        """The answer as a page. Errors: Unexpected where there is none.

        While a service is away the desk says so with 503, and a person loads the page, or sends the form, again: a form takes effect once.
        """
        end = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                response = self.http.request(method, address, **how)
            except httpx.HTTPError as fault:
                where = fault.request.url.copy_with(query=None)
                raise Unexpected(f"No answer from {where} ({type(fault).__name__}): ./rentbook status says what is not well.") from fault
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > end:
                return self.read(response)
            time.sleep(_POLL_SECONDS)

    def read(self, response: httpx.Response) -> Page:
        """An answer of the desk as a page. Errors: Unexpected where the desk failed."""
        if response.status_code >= 500:
            raise Unexpected(f"The desk answers {response.request.url.path} with {response.status_code}.")
        tree = html.document_fromstring(response.text or "<p></p>")
        etree.strip_elements(tree, "script", with_tail=False)
        return Page(response.url, response.status_code, tree)
