"""Clients of pages that are served on this machine."""

import ssl
from functools import cache
from typing import Any

import httpx


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def client(**how: Any) -> httpx.AsyncClient:
    """A client of httpx. What it trusts is read once for all, which takes longer than what a test asks of it."""
    return httpx.AsyncClient(verify=_trusted(), **how)
