"""One request to a page, by whom, with what they may use; and the gate that lets it in.

Everything that guards the pages stands here once, in this order: somebody is signed in, the form is ours,
they hold a role of this page now. A page itself asks nothing of that again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, Protocol, TypedDict, TypeVar
from urllib.parse import urlsplit

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pages.accounts import AccountStore
from pages.errors import NotSignedInError, PagesError
from pages.forms import Form
from pages.sessions import Session, Sessions

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
Errors = Mapping[str, str]
NO_ERRORS: Errors = {}


@dataclass(frozen=True, slots=True)
class Place:
    """How a site speaks of itself on its pages.

    Attributes:
        name: Beside "Known To" on every page: the agency, or the network.
        kind: What it is: "node" or "hub".
        roster_command: The command that says who works with it, and in which roles.
        cookie: The cookie's name: browsers do not keep the sites of one machine apart by port.
    """

    name: str
    kind: str
    roster_command: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What to tell somebody whose request was refused, or could not be answered."""

    status: int
    title: str
    says: str


class Arrival(TypedDict):
    """A request at the gate: what a site makes a visit of."""

    front: Front
    request: Request
    form: Form
    token: str
    session: Session | None
    at: datetime


@dataclass(slots=True)
class Front:
    """What all requests to one server share.

    Attributes:
        site: What these are the pages of.
        templates: The pages' templates.
        pages: Every page, for the navigation.
        sessions: Who is signed in.
        hashing: Held while a password is worked out: it takes 64 MB each time.
    """

    site: Site[Any]
    templates: Environment
    pages: Sequence[Page[Any]]
    sessions: Sessions = field(default_factory=Sessions)
    hashing: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, repr=False)
class Visit:
    """One request; a site's own kind of visit brings what its pages work with.

    Attributes:
        front: What all requests share.
        request: The request.
        form: What was sent; empty for a request to read.
        token: The browser's cookie.
        session: Who is signed in, or None.
        at: Now.
        accounts: The site's accounts.
    """

    front: Front
    request: Request
    form: Form
    token: str
    session: Session | None
    at: datetime
    accounts: AccountStore

    @property
    def staff(self) -> str:
        """Who is signed in.

        Raises:
            NotSignedInError: Nobody: the page must not have been let through.
        """
        if self.session is None:
            raise NotSignedInError("this page takes somebody who is signed in")
        return self.session.staff

    @property
    def roles(self) -> frozenset[str]:
        """What they hold now, by the roster."""
        return frozenset(self.accounts.roster().get(self.session.staff, ()) if self.session else ())

    @property
    def today(self) -> date:
        """The day of the request."""
        return self.at.date()

    @property
    def scheme(self) -> str:
        """How the browser came: http is for this machine alone, where there is no wire to listen on."""
        return "http" if self.request.url.hostname in LOOPBACK else "https"

    def act_as(self, role: str) -> None:
        """Told before the page is answered, in which role whoever is signed in opens it."""

    def part(self, name: str) -> str:
        """A part of the address."""
        return str(self.request.path_params[name])

    def show(self, template: str, *, status: int = 200, errors: Errors = NO_ERRORS, **facts: Any) -> Response:
        """A page. With errors its status says so, and a summary of them stands on top."""
        roles = self.roles
        content = self.front.templates.get_template(template).render(
            visit=self,
            form=self.form,
            errors=errors,
            form_token=self.front.sessions.form_token(self.token),
            place=self.front.site.place,
            navigation=[page for page in self.front.pages if page.label and page.is_for(roles)],
            path=self.request.url.path,
            **facts,
        )
        return HTMLResponse(content, status_code=422 if errors and status == 200 else status)

    def show_problem(self, problem: Problem) -> Response:
        """The page that says why there is no other."""
        return self.show("problem.html", status=problem.status, title=problem.title, says=problem.says)

    def go(self, path: str) -> Response:
        """Post, redirect, get: reloading the page that follows sends nothing again."""
        return RedirectResponse(path, status_code=303)

    def keep_cookie(self, response: Response, token: str) -> Response:
        """Give the browser its cookie; a browser that is closed forgets it."""
        safe, name = self.scheme == "https", self.front.site.place.cookie
        response.set_cookie(name, token, httponly=True, samesite="strict", secure=safe, path="/")
        return response


V_co = TypeVar("V_co", bound=Visit, covariant=True)
V_contra = TypeVar("V_contra", bound=Visit, contravariant=True)


class Site(Protocol[V_co]):
    """What the shell stands around: the pages of one node, or of a hub."""

    @property
    def place(self) -> Place:
        """How it speaks of itself."""

    def clock(self) -> datetime:
        """Now."""

    def visit(self, arrival: Arrival) -> AbstractContextManager[V_co]:
        """A request with what its page works with, such as a connection of its own, until it is answered."""

    def explain(self, error: Exception) -> Problem | None:
        """What an error of the site means to people, or None where it was not foreseen."""


@dataclass(frozen=True, slots=True)
class Page(Generic[V_contra]):
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
    answer: Callable[[V_contra], Response]
    roles: Sequence[str] | None
    label: str = ""

    def is_for(self, roles: Collection[str]) -> bool:
        """Whether somebody who holds these roles may open it."""
        return self.roles is None or any(role in roles for role in self.roles)


def let_in(front: Front, page: Page[Any], request: Request, form: Form) -> Response:
    """Answer one request, or say why not."""
    at, cookie = front.site.clock(), front.site.place.cookie
    token = request.cookies.get(cookie) or front.sessions.new_token()
    session = front.sessions.find(token, at=at)
    arrival = Arrival(front=front, request=request, form=form, token=token, session=session, at=at)
    with front.site.visit(arrival) as visit:
        response = _guarded(visit, page)
        if cookie not in request.cookies and "set-cookie" not in response.headers:
            visit.keep_cookie(response, token)
    return response


def _guarded(visit: Visit, page: Page[Any]) -> Response:
    if page.roles is not None and visit.session is None:
        # What was typed into a form is not sent on: it would be kept for whoever signs in next.
        return visit.go("/sign-in?ended=1" if page.method == "POST" else "/sign-in")
    if page.method == "POST" and not _is_own_form(visit):
        return visit.show_problem(Problem(403, "This form cannot be used", (
            "It is from before you signed in, or from another page. Nothing was sent: open the page again."
        )))  # fmt: skip
    if page.roles is None:
        return _answered(visit, page)
    held = visit.roles
    role = next((role for role in page.roles if role in held), None)
    if role is None:
        return visit.show_problem(Problem(403, "This page is not for your role", (
            f"An operator of this {visit.front.site.place.kind} can tell you which roles you hold."
        )))  # fmt: skip
    visit.act_as(role)
    return _answered(visit, page)


def _answered(visit: Visit, page: Page[Any]) -> Response:
    """The page; what it refuses is told in the words of the error, which carry no value."""
    try:
        return page.answer(visit)
    except HTTPException as error:
        if error.status_code != 404:
            raise
        return visit.show_problem(
            Problem(404, "Page not found", "It is not there, its time is over, or it is somebody else's.")
        )
    except PagesError as error:
        return visit.show_problem(Problem(422, "This cannot be done", str(error)))
    except Exception as error:
        problem = visit.front.site.explain(error)
        if problem is None:
            raise
        return visit.show_problem(problem)


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
