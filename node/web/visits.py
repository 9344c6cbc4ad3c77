"""One request to a page, by whom, with what they may use; and the gate that lets it in.

Everything that guards the pages stands here once, in this order: the form is ours, somebody is signed in,
they hold a role of this page now. A page itself asks nothing of that again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from keys.actors import AUTOMATIC, Actor, Role
from keys.errors import KeysError
from matcher.errors import MatcherError
from node.errors import HubUnreachableError, NodeError, PolicyError, RecordFormatError
from node.home import Node
from node.settings import LOOPBACK
from node.staff import read_roster, require_actor
from node.web.forms import Form
from node.web.sessions import Session, Sessions

OURS = (NodeError, KeysError, MatcherError)
Errors = Mapping[str, str]
NO_ERRORS: Errors = {}


@dataclass(slots=True)
class Front:
    """What all requests to one server share.

    Attributes:
        node: The opened node; each request gets it over a connection of its own.
        templates: The pages' templates.
        sessions: Who is signed in.
        pages: Every page, for the navigation.
        hashing: Held while a password is worked out: it takes 64 MB each time.
        sending: Ids of the case lists that are being asked about at this moment; `guard` guards it.
    """

    node: Node
    templates: Environment
    pages: Sequence[Page]
    sessions: Sessions = field(default_factory=Sessions)
    hashing: threading.Lock = field(default_factory=threading.Lock)
    sending: set[str] = field(default_factory=set)
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cookie(self) -> str:
        """The cookie's name: browsers do not keep the nodes of one machine apart by port."""
        return f"knownto-{self.node.settings.agency}"

    @contextmanager
    def alone(self, list_id: str) -> Iterator[None]:
        """Hold a case list while it is asked about; a second click is told so."""
        with self.guard:
            if list_id in self.sending:
                raise PolicyError("this list is being asked about at this moment: wait, and open it again")
            self.sending.add(list_id)
        try:
            yield
        finally:
            with self.guard:
                self.sending.discard(list_id)


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """One request.

    Attributes:
        front: What all requests share.
        node: The node, for whoever is signed in.
        request: The request.
        form: What was sent; empty for a request to read.
        token: The browser's cookie.
        session: Who is signed in, or None.
        roles: What they hold now.
        at: Now.
    """

    front: Front
    node: Node
    request: Request
    form: Form
    token: str
    session: Session | None
    roles: frozenset[Role]
    at: datetime

    @property
    def staff(self) -> str:
        """Who is signed in.

        Raises:
            PolicyError: Nobody: the page must not have been let through.
        """
        if self.session is None:
            raise PolicyError("this page takes somebody who is signed in")
        return self.session.staff

    @property
    def today(self) -> date:
        """The day of the request."""
        return self.at.date()

    @property
    def scheme(self) -> str:
        """How the browser came: http is for this machine alone, where there is no wire to listen on."""
        return "http" if self.request.url.hostname in LOOPBACK else "https"

    def part(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def show(self, template: str, *, status: int = 200, errors: Errors = NO_ERRORS, **facts: Any) -> Response:
        """A page. With errors its status says so, and a summary of them stands on top."""
        content = self.front.templates.get_template(template).render(
            visit=self,
            form=self.form,
            errors=errors,
            form_token=self.front.sessions.form_token(self.token),
            agency=self.node.settings.agency,
            navigation=[page for page in self.front.pages if page.label and page.is_for(self.roles)],
            path=self.request.url.path,
            **facts,
        )
        return HTMLResponse(content, status_code=422 if errors and status == 200 else status)

    def go(self, path: str) -> Response:
        """Post, redirect, get: reloading the page that follows sends nothing again."""
        return RedirectResponse(path, status_code=303)

    def keep_cookie(self, response: Response, token: str) -> Response:
        """Give the browser its cookie; a browser that is closed forgets it."""
        safe = self.scheme == "https"
        response.set_cookie(self.front.cookie, token, httponly=True, samesite="strict", secure=safe, path="/")
        return response


@dataclass(frozen=True, slots=True)
class Page:
    """One line of the table of pages.

    Attributes:
        method: GET or POST.
        path: As Starlette spells it; no part of it is about a person.
        answer: What answers it.
        roles: Who may, holding any of these; None for everybody, signed in or not.
        label: Its name in the navigation, if it stands there.
    """

    method: str
    path: str
    answer: Callable[[Visit], Response]
    roles: tuple[Role, ...] | None
    label: str = ""

    def is_for(self, roles: frozenset[Role]) -> bool:
        """Whether somebody who holds these roles may open it."""
        return self.roles is None or not roles.isdisjoint(self.roles)


def let_in(front: Front, page: Page, request: Request, form: Form) -> Response:
    """Answer one request, or say why not."""
    at = front.node.clock()
    token = request.cookies.get(front.cookie) or front.sessions.new_token()
    session = front.sessions.find(token, at=at)
    with front.node.in_own_thread(AUTOMATIC) as node:
        roles = _roles_of(node, session)
        visit = Visit(front, node, request, form, token, session, roles, at)
        response = _guarded(visit, page)
    if front.cookie not in request.cookies and "set-cookie" not in response.headers:
        visit.keep_cookie(response, token)
    return response


def _guarded(visit: Visit, page: Page) -> Response:
    if page.roles is not None and visit.session is None:
        # What was typed into a form is not sent on: it would be kept for whoever signs in next.
        return visit.go("/sign-in?ended=1" if page.method == "POST" else "/sign-in")
    if page.method == "POST" and not _is_own_form(visit):
        return visit.show("problem.html", status=403, title="This form cannot be used", says=(
            "It is from before you signed in, or from another page. Nothing was sent: open the page again."
        ))  # fmt: skip
    if page.roles is None:
        return _answered(visit, page)
    try:
        visit.node.actor = _actor_of(visit, page.roles)
    except PolicyError:
        return visit.show("problem.html", status=403, title="This page is not for your role", says=(
            "An operator of this node can tell you which roles you hold."
        ))  # fmt: skip
    return _answered(visit, page)


def _answered(visit: Visit, page: Page) -> Response:
    """The page; what it refuses is told in the words of the error, which carry no value."""
    try:
        return page.answer(visit)
    except HubUnreachableError as error:
        return visit.show("problem.html", status=503, title="The hub cannot be reached", says=str(error))
    except RecordFormatError as error:
        return visit.show("problem.html", status=422, title="This cannot be done", says=str(error))
    except OURS as error:
        return visit.show("problem.html", status=409, title="This cannot be done", says=str(error))
    except HTTPException as error:
        if error.status_code != 404:
            raise
        return visit.show("problem.html", status=404, title="Page not found", says=(
            "It is not there, its time is over, or it is somebody else's."
        ))  # fmt: skip


def _roles_of(node: Node, session: Session | None) -> frozenset[Role]:
    member = read_roster(node.store).get(session.staff) if session else None
    return member.roles if member else frozenset()


def _actor_of(visit: Visit, roles: Sequence[Role]) -> Actor:
    return require_actor(visit.node.store, visit.staff, roles)


def _is_own_form(visit: Visit) -> bool:
    """Of this cookie's pages, and sent by one of them as far as the browser says."""
    origin = visit.request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != visit.request.headers.get("host"):
        return False
    if visit.request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    return visit.front.sessions.is_form_token(visit.token, visit.form.get("form_token"))


def not_found() -> HTTPException:
    """For what is not there, and for what is not theirs."""
    return HTTPException(404)
