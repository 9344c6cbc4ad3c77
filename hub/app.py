"""`create_app(settings)` wires everything; nothing exists before it is called."""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from hub.alarm_thread import AlarmThread
from hub.api import new_api
from hub.clock import Clock, system_clock
from hub.linking_thread import LinkingThread
from hub.nonce_thread import NonceThread
from hub.service import open_hub
from hub.settings import HubSettings, load_settings
from hub.signed_calls import SignedCalls
from hub.upgrades import require_current_layout

HOME_VARIABLE = "KNOWNTO_HUB_HOME"


def create_app(settings: HubSettings, *, clock: Clock = system_clock) -> FastAPI:
    """The hub of one home.

    Args:
        settings: From `hub.settings.load_settings`.
        clock: Where the time comes from; tests pass their own.

    Raises:
        NotInitialisedError: A secret is missing.
        UnsafeSecretError: Others can read a secret.
        DatabaseOutdatedError: The database needs `knownto hub upgrade`.
    """
    hub = open_hub(settings, clock=clock)
    require_current_layout(hub.database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with AlarmThread(hub), LinkingThread(hub), NonceThread(hub.database, clock=hub.clock):
            yield
        hub.database.close()

    app = new_api()
    app.router.lifespan_context = lifespan
    app.state.hub = hub
    app.add_middleware(SignedCalls, hub=hub)
    return app


def app_of_environment() -> FastAPI:
    """The hub whose home the environment names: how uvicorn's workers are told."""
    app = create_app(load_settings(Path(os.environ[HOME_VARIABLE])))
    gc.freeze()  # Whatever is loaded now stays: looking through all of it held some answers up for 0.2 s.
    return app
