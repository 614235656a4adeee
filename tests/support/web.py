"""Clients of pages that are served on this machine."""

import ssl
from functools import cache
from typing import Any

import httpx


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


PATIENCE_SECONDS = 60.0
"""How long a page may take on a loaded machine; a test that judges the time says a limit of its own."""


def client(**how: Any) -> httpx.AsyncClient:
    """A client of httpx. What it trusts is read once for all, which takes longer than what a test asks of it."""
    return httpx.AsyncClient(verify=_trusted(), **{"timeout": PATIENCE_SECONDS, **how})
