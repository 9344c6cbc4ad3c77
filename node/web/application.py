"""`create_app(node)`: the pages of one node, wired. Nothing exists before it is called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from node.answers import AnswerWord
from node.case_lists import sweep
from node.home import Node
from node.quality import RULES
from node.sheets import LEGEND
from node.web.basis_form import CATEGORY_WORDS, KINDS, METHOD_WORDS
from node.web.forms import BodyMalformedError, BodyTooLargeError, Form, read_form
from node.web.headers import SafeHeaders
from node.web.routes import PAGES
from node.web.visits import Front, Page, let_in

HERE = Path(__file__).parent
LOCAL_NAMES = ("127.0.0.1", "localhost")
LONDON = "Europe/London"
TAGS = {
    AnswerWord.KNOWN: "known",
    AnswerWord.POSSIBLY_KNOWN: "possibly",
    AnswerWord.NO_SHARED_MATCH: "none",
    AnswerWord.NO_REPLY_YET: "waiting",
    AnswerWord.NOT_ASKED: "not-asked",
}


def create_app(node: Node, *, names: tuple[str, ...] = ()) -> Starlette:
    """The pages of an opened node.

    Args:
        node: The node; it stays open for as long as the pages are served.
        names: Host names, beside this machine's own, under which a proxy serves the pages.
    """
    node.open_http()
    sweep(node.home)
    front = Front(node=node, templates=_templates(), pages=PAGES)
    routes: list[BaseRoute] = [
        Route(page.path, _endpoint(front, page), methods=[page.method]) for page in PAGES
    ]
    routes.append(Mount("/static", StaticFiles(directory=HERE / "static")))
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(SafeHeaders),
            # A name that somebody else's domain points at this machine is refused (DNS rebinding).
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL_NAMES, *names], www_redirect=False),
        ],
        exception_handlers={404: _not_found(front), 405: _not_found(front)},
    )
    app.state.front = front
    return app


def _endpoint(front: Front, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        form = Form()
        if page.method == "POST":
            try:
                form = await read_form(request)
            except BodyTooLargeError:
                return _plain(front, 413, "Too large", "Nothing was kept: a file may have up to 10 MB.")
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
        title=title, says=says, agency=front.node.settings.agency
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


def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "day": _format_day,
        "clock": _format_clock,
        "rule": _sentence_of_rule,
        "capitalize_first": _capitalise,
    }
    environment.globals |= {
        "legend": LEGEND,
        "tags": {str(word): tag for word, tag in TAGS.items()},
        "basis_kinds": KINDS,
        "basis_methods": {method: words.capitalize() for method, words in METHOD_WORDS.items()},
        "basis_categories": CATEGORY_WORDS,
    }
    return environment


def _format_day(day: date) -> str:
    """As people write it: 3 December 2026."""
    shown = day.astimezone(ZoneInfo(LONDON)) if isinstance(day, datetime) else day
    return f"{shown.day} {shown:%B %Y}"


def _format_clock(at: datetime) -> str:
    """As the clock on the wall shows it: 9:05am."""
    shown = at.replace(tzinfo=at.tzinfo or UTC).astimezone(ZoneInfo(LONDON))
    return f"{shown.hour % 12 or 12}:{shown:%M}{'am' if shown.hour < 12 else 'pm'}"


def _capitalise(text: str) -> str:
    """The first letter alone: names further on keep theirs."""
    return text[:1].upper() + text[1:]


def _sentence_of_rule(rule: str) -> str:
    return RULES[rule].sentence
