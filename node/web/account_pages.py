"""Signing in and out, setting up an account, handing out links, and the list of who signed in."""

from __future__ import annotations

import segno
from starlette.responses import Response

from keys.actors import Role
from node.accounts import (
    AccountLink,
    code_address,
    has_account,
    make_link,
    open_link,
    set_up_account,
    sign_in,
)
from node.errors import RecordFormatError
from node.sign_ins import SignInEvent, read_sign_ins, record_sign_in
from node.staff import read_roster
from node.web.visits import NO_ERRORS, Errors, Visit, not_found

SIGN_INS_SHOWN = 200
REFUSALS = {
    SignInEvent.REFUSED: "The staff id, the password or the code is wrong. Each code works once",
    SignInEvent.LOCKED: "Too many tries. Wait 15 minutes, or ask an operator for a link to begin anew",
    SignInEvent.WITHOUT_ROLE: "You hold no role at this node any more. Ask an operator",
}


def show_sign_in(visit: Visit) -> Response:
    """The form; whoever is signed in already is sent on."""
    if visit.session is not None:
        return visit.go("/")
    return visit.show("sign_in.html", ended="ended" in visit.request.query_params)


def sign_in_sent(visit: Visit) -> Response:
    """Sign in, with a cookie that nobody knew before."""
    staff = visit.form.get("staff").lower()
    with visit.front.hashing:
        event = sign_in(
            visit.node.store, staff, password=visit.form.get("password"),
            code=visit.form.get("code"), at=visit.at,
        )  # fmt: skip
    if event is not SignInEvent.SIGNED_IN:
        return visit.show("sign_in.html", ended=False, errors={"staff": REFUSALS[event]})
    visit.front.sessions.end(visit.token)
    return visit.keep_cookie(visit.go("/"), visit.front.sessions.begin(staff, at=visit.at))


def sign_out_sent(visit: Visit) -> Response:
    """Sign out this browser."""
    record_sign_in(visit.node.store, SignInEvent.SIGNED_OUT, staff=visit.staff, at=visit.at)
    visit.front.sessions.end(visit.token)
    return visit.keep_cookie(visit.go("/sign-in"), visit.front.sessions.new_token())


def show_set_up(visit: Visit) -> Response:
    """The form behind a link."""
    return _show_set_up(visit, _link(visit))


def set_up_sent(visit: Visit) -> Response:
    """Set the account up; sessions of the account as it was end."""
    link, form = _link(visit), visit.form
    if form.get("password") != form.get("again"):
        return _show_set_up(visit, link, errors={"again": "The two passwords are not the same"})
    try:
        with visit.front.hashing:
            staff = set_up_account(
                visit.node.store, visit.part("secret"), password=form.get("password"),
                code=form.get("code"), at=visit.at,
            )  # fmt: skip
    except RecordFormatError as error:
        named = {"password": "The password", "code": "The code"}[error.field or "code"]
        return _show_set_up(visit, link, errors={error.field or "code": f"{named} {error.rule}"})
    visit.front.sessions.end_all_of(staff)
    return visit.go("/sign-in")


def show_accounts(visit: Visit) -> Response:
    """The roster, and who of it can sign in."""
    return _show_accounts(visit)


def link_sent(visit: Visit) -> Response:
    """Make a link and show it, this once: it is not redirected to, because no page could show it again."""
    staff = visit.form.get("for")
    secret = make_link(visit.node.store, staff, at=visit.at, by=visit.staff)
    address = str(visit.request.url.replace(scheme=visit.scheme, path=f"/set-up/{secret}", query=""))
    return _show_accounts(visit, made_for=staff, address=address)


def show_sign_ins(visit: Visit) -> Response:
    """The audit, newest first."""
    return visit.show("sign_ins.html", sign_ins=read_sign_ins(visit.node.store, limit=SIGN_INS_SHOWN))


def _show_accounts(visit: Visit, *, made_for: str = "", address: str = "") -> Response:
    store = visit.node.store
    people = [
        (member.staff, [role for role in Role if role in member.roles], has_account(store, member.staff))
        for member in read_roster(store).values()
    ]
    return visit.show("accounts.html", people=people, made_for=made_for, address=address)


def _show_set_up(visit: Visit, link: AccountLink, *, errors: Errors = NO_ERRORS) -> Response:
    address = code_address(link, agency=visit.node.settings.agency)
    picture = segno.make(address, error="m").svg_inline(
        scale=5, title="Picture of the key, for the camera of your phone"
    )
    key = " ".join(link.code_key[at : at + 4] for at in range(0, len(link.code_key), 4))
    return visit.show("set_up.html", staff=link.staff, picture=picture, key=key, errors=errors)


def _link(visit: Visit) -> AccountLink:
    link = open_link(visit.node.store, visit.part("secret"), at=visit.at)
    if link is None:
        raise not_found()
    return link
