"""Dropping what is over while the pages are served: every hour, whether anybody looks or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from keys.actors import AUTOMATIC
from node.errors import StoreError
from node.expiry import drop_what_is_over
from node.home import Node

HOUR_SECONDS = 3600.0


def dropping(
    node: Node, *, every_seconds: float = HOUR_SECONDS
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """What runs beside the pages of a node from their start to their end."""

    @asynccontextmanager
    async def beside(_app: Starlette) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_drop_again_and_again, node, every_seconds)
            yield
            tasks.cancel_scope.cancel()

    return beside


async def _drop_again_and_again(node: Node, every_seconds: float) -> None:
    while True:
        await run_in_threadpool(_drop, node)
        await anyio.sleep(every_seconds)


def _drop(node: Node) -> None:
    """Over a connection of its own; a database that a long import holds is tried again the next time."""
    try:
        with node.in_own_thread(AUTOMATIC) as own, own.store.transaction():
            drop_what_is_over(own.store, at=own.clock())
    except StoreError:
        return
