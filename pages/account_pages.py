"""Signing in and out, setting up an account, handing out links, and the list of who signed in."""

from __future__ import annotations

from collections.abc import Sequence

import segno
from starlette.responses import Response

from pages.accounts import AccountLink, make_link, open_link, set_up_account, sign_in
from pages.errors import AccountFormatError
from pages.passwords import format_code_address
from pages.sign_ins import SignIn, SignInEvent
from pages.visits import NO_ERRORS, Errors, Page, Visit, not_found

SIGN_INS_SHOWN = 200
REFUSALS = {
    SignInEvent.REFUSED: "The staff id, the password or the code is wrong. Each code works once",
    SignInEvent.LOCKED: "Too many tries. Wait 15 minutes, or ask an operator for a link to begin anew",
    SignInEvent.WITHOUT_ROLE: "You hold no role at this {kind} any more. Ask an operator",
}


def pages_of_signing_in(*, signed_in: Sequence[str]) -> tuple[Page[Visit], ...]:
    """Signing in and out, and setting up an account; `signed_in` are all roles there are."""
    return (
        Page("GET", "/sign-in", show_sign_in, None),
        Page("POST", "/sign-in", sign_in_sent, None),
        Page("GET", "/set-up/{secret}", show_set_up, None),
        Page("POST", "/set-up/{secret}", set_up_sent, None),
        Page("POST", "/sign-out", sign_out_sent, signed_in),
    )


def pages_of_accounts(*, keeping: Sequence[str], watching: Sequence[str]) -> tuple[Page[Visit], ...]:
    """Handing out links, for those who keep accounts, and the audit, for those who watch."""
    return (
        Page("GET", "/accounts", show_accounts, keeping, "Accounts"),
        Page("POST", "/accounts", link_sent, keeping),
        Page("GET", "/sign-ins", show_sign_ins, watching, "Sign-ins"),
    )


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
            visit.accounts, staff, password=visit.form.get("password"), code=visit.form.get("code"),
            at=visit.at,
        )  # fmt: skip
    if event is not SignInEvent.SIGNED_IN:
        says = REFUSALS[event].format(kind=visit.front.site.place.kind)
        return visit.show("sign_in.html", ended=False, errors={"staff": says})
    visit.front.sessions.end(visit.token)
    return visit.keep_cookie(visit.go("/"), visit.front.sessions.begin(staff, at=visit.at))


def sign_out_sent(visit: Visit) -> Response:
    """Sign out this browser."""
    visit.accounts.record(SignIn(visit.at, visit.staff, SignInEvent.SIGNED_OUT))
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
                visit.accounts, visit.part("secret"), password=form.get("password"), code=form.get("code"),
                at=visit.at,
            )  # fmt: skip
    except AccountFormatError as error:
        return _show_set_up(visit, link, errors={error.field: f"The {error.field} {error.rule}"})
    visit.front.sessions.end_all_of(staff)
    return visit.go("/sign-in")


def show_accounts(visit: Visit) -> Response:
    """The roster, and who of it can sign in."""
    return _show_accounts(visit)


def link_sent(visit: Visit) -> Response:
    """Make a link and show it, this once: it is not redirected to, because no page could show it again."""
    staff = visit.form.get("for")
    secret = make_link(visit.accounts, staff, at=visit.at, by=visit.staff)
    address = str(visit.request.url.replace(scheme=visit.scheme, path=f"/set-up/{secret}", query=""))
    return _show_accounts(visit, made_for=staff, address=address)


def show_sign_ins(visit: Visit) -> Response:
    """The audit, newest first."""
    return visit.show("sign_ins.html", sign_ins=visit.accounts.read_sign_ins(limit=SIGN_INS_SHOWN))


def _show_accounts(visit: Visit, *, made_for: str = "", address: str = "") -> Response:
    people = [
        (staff, roles, visit.accounts.find_account(staff) is not None)
        for staff, roles in visit.accounts.roster().items()
    ]
    return visit.show("accounts.html", people=people, made_for=made_for, address=address)


def _show_set_up(visit: Visit, link: AccountLink, *, errors: Errors = NO_ERRORS) -> Response:
    issuer = f"Known To {visit.front.site.place.name}"
    picture = segno.make(
        format_code_address(link.code_key, staff=link.staff, issuer=issuer), error="m"
    ).svg_inline(scale=5, title="Picture of the key, for the camera of your phone")
    key = " ".join(link.code_key[at : at + 4] for at in range(0, len(link.code_key), 4))
    return visit.show("set_up.html", staff=link.staff, picture=picture, key=key, errors=errors)


def _link(visit: Visit) -> AccountLink:
    link = open_link(visit.accounts, visit.part("secret"), at=visit.at)
    if link is None:
        raise not_found()
    return link
