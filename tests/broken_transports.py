"""Transports that break on purpose: where a connection ends decides what each side believes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from node.home import Node

Breaks = Callable[[httpx2.Request, int], bool]


class BreakingTransport(httpx2.BaseTransport):
    """Breaks calls, before the hub has seen them or after it has answered.

    Args:
        inner: The transport that works.
        breaks: Given the request and how many came before it, whether it breaks.
        after_answer: The hub did its work and the answer is lost.
    """

    def __init__(self, inner: httpx2.BaseTransport, breaks: Breaks, *, after_answer: bool) -> None:
        self._inner, self._breaks, self._after_answer = inner, breaks, after_answer
        self.count = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        number, self.count = self.count, self.count + 1
        breaks = self._breaks(request, number)
        if breaks and not self._after_answer:
            raise httpx2.ConnectError("broken on purpose", request=request)
        response = self._inner.handle_request(request)
        response.read()
        if breaks:
            raise httpx2.ReadError("broken on purpose", request=request)
        return response


class ChangingTransport(httpx2.BaseTransport):
    """Alters answers on their way back, as a relay could."""

    def __init__(self, inner: httpx2.BaseTransport, change: Callable[[httpx2.Response], Any]) -> None:
        self._inner, self._change = inner, change

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        response.read()
        changed = self._change(response)
        return response if changed is None else changed


@contextmanager
def broken(node: Node, breaks: Breaks, *, after_answer: bool = False) -> Iterator[BreakingTransport]:
    """While inside, some of a node's calls break."""
    http = node.open_http()
    inner = http._transport
    http._transport = transport = BreakingTransport(inner, breaks, after_answer=after_answer)
    try:
        yield transport
    finally:
        http._transport = inner


@contextmanager
def altered(node: Node, change: Callable[[httpx2.Response], Any]) -> Iterator[None]:
    """While inside, a node's answers are altered."""
    http = node.open_http()
    inner = http._transport
    http._transport = ChangingTransport(inner, change)
    try:
        yield
    finally:
        http._transport = inner


def always(_request: httpx2.Request, _number: int) -> bool:
    """The hub is away."""
    return True
