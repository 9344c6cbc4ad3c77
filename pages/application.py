"""`create_app(site, pages)`: the pages of one site, wired. Nothing exists before it is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from pages.forms import BodyMalformedError, BodyTooLargeError, Form, read_form
from pages.headers import SafeHeaders
from pages.templating import Naming, new_environment
from pages.visits import Front, Page, Site, Visit, let_in

HERE = Path(__file__).parent
LOCAL_NAMES = ("127.0.0.1", "localhost")
MEBIBYTE = 2**20
V = TypeVar("V", bound=Visit)


def create_app(
    site: Site[V],
    pages: Sequence[Page[V]],
    *,
    templates: Path,
    naming: Naming,
    largest_file_bytes: int = 0,
    names: Sequence[str] = (),
    beside: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """The pages of a site.

    Args:
        site: What they are the pages of.
        pages: Every page, in the order of the navigation.
        templates: The folder of the site's own templates, looked through before the shell's.
        naming: What these use beside the shell's own filters.
        largest_file_bytes: The largest file that a page takes; none takes any by default.
        names: Host names, beside this machine's own, under which a proxy serves the pages.
        beside: What runs from the start of the server to its end.
    """
    front = Front(site=site, templates=new_environment(templates, naming), pages=pages)
    routes: list[BaseRoute] = [
        Route(page.path, _endpoint(front, page, largest_file_bytes), methods=[page.method]) for page in pages
    ]
    routes.append(Mount("/static", StaticFiles(directory=HERE / "static")))
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(SafeHeaders),
            # A name that somebody else's domain points at this machine is refused (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL_NAMES, *names], www_redirect=False),
        ],
        lifespan=beside,
        exception_handlers={404: _not_found(front), 405: _not_found(front)},
    )
    app.state.front = front
    return app


def _endpoint(
    front: Front, page: Page[V], largest_file_bytes: int
) -> Callable[[Request], Awaitable[Response]]:
    too_large = f"a file may have up to {largest_file_bytes // MEBIBYTE} MB" if largest_file_bytes else (
        "the page asks for less"
    )  # fmt: skip

    async def answer(request: Request) -> Response:
        form = Form()
        if page.method == "POST":
            try:
                form = await read_form(request, largest_file_bytes=largest_file_bytes)
            except BodyTooLargeError:
                return _plain(front, 413, "Too large", f"Nothing was kept: {too_large}.")
            except BodyMalformedError:
                return _plain(front, 400, "Not understood", "What was sent is no form. Nothing was kept.")
        try:
            return await run_in_threadpool(let_in, front, page, request, form)
        except Exception as error:  # Left to the server, its message would stand in the server's log.
            return _broken(front, error)

    return answer


def _plain(front: Front, status: int, title: str, says: str) -> Response:
    """A page for nobody in particular."""
    content = front.templates.get_template("plain.html").render(
        title=title, says=says, place=front.site.place
    )
    return HTMLResponse(content, status_code=status)


def _not_found(front: Front) -> Callable[[Request, Exception], Response]:
    def answer(_request: Request, _error: Exception) -> Response:
        return _plain(front, 404, "Page not found", "There is no such page.")

    return answer


def _broken(front: Front, error: Exception) -> Response:
    """A foreign message may quote what it choked on, so its class is all that is shown."""
    says = f"Something unexpected went wrong ({type(error).__name__}). What you sent may not have counted."
    return _plain(front, 500, "Sorry, there is a problem", says)
