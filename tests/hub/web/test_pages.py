"""What the hub's pages say, held against what really happened."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from hub.agreement_states import Party, state_of
from hub.membership import add_agency
from node.membership import Agreement
from node.times import format_time
from tests.federation import NOW, Federation
from tests.hub.web.conftest import signed_in
from tests.pages.browser import Browser
from tests.people import people


@pytest.fixture
def analyst(federation: Federation, app: Any) -> Browser:
    return signed_in(federation, app, "h-analyst")


def text_of(browser: Browser) -> str:
    """The open page as it reads."""
    main = re.search(r"<main.*?</main>", browser.page.text, re.S)
    assert main is not None
    return " ".join(re.sub(r"<[^>]*>", " ", main[0]).split())


def test_home_says_what_is_and_what_is_not_up_to_date(federation: Federation, analyst: Browser) -> None:
    analyst.get("/")
    assert "Can be written" in text_of(analyst)
    assert "20 records, 20 tokens" in text_of(analyst)
    assert "1 of 2 up to date" in text_of(analyst)
    assert "Asker service Has shared nothing yet Never" in text_of(analyst)
    federation.share("asker", people(3))
    analyst.get("/")
    assert "2 of 2 up to date" in text_of(analyst) and "Not up to date" not in text_of(analyst)
    federation.clock.advance(days=36)  # The agreement lets a caseload count for 35 days.
    analyst = signed_in(federation, analyst.app, "h-analyst")
    assert "Holder service Shared too long ago 23 November 2026" in text_of(analyst)


def test_home_says_how_far_the_log_is_witnessed(federation: Federation, analyst: Browser) -> None:
    from node.access_log import sync_log

    for _ in range(2):  # The second round meets on the checkpoint that gathers cosignatures.
        for agency in ("asker", "holder"):
            sync_log(federation.acting(agency, "ig"))
    analyst.get("/")
    assert re.search(r"Up to entry \d+ of \d+|All of it", text_of(analyst))
    assert "the nodes of 2 of 2 agencies" in text_of(analyst)


def test_home_says_when_the_log_cannot_be_written(analyst: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.status.is_writable", lambda *_: False)
    analyst.get("/")
    assert "The log cannot be written. Until it can, the hub answers nobody." in text_of(analyst)


def test_an_agency_is_listed_from_the_day_it_is_added(federation: Federation, analyst: Browser) -> None:
    with federation.hub.database.writing() as session:
        add_agency(session, "new", name="New <b>service</b>", service="vcse", area="north", custodian=False)
    analyst.get("/agencies")
    assert "New &lt;b&gt;service" in analyst.page.text and "Not enrolled yet" in analyst.page.text
    fingerprint = federation.nodes["holder"].identity.public.fingerprint
    assert fingerprint in analyst.page.text


def test_agreements_have_dates_states_and_who_has_not_signed(
    federation: Federation, analyst: Browser
) -> None:
    federation.agree("asker", "holder", sign=["asker"], agreement="panel", title="A panel's agreement")
    analyst.get("/agencies")
    assert "A panel's agreement panel Waiting for signatures 27 May 2026 22 May 2027 Holder service" in (
        text_of(analyst).replace("&#39;", "'")
    )
    assert "Information sharing sharing Live" in text_of(analyst)
    analyst.get(analyst.link("/agreements/panel"))
    assert "Holder service Not yet" in text_of(analyst)
    assert "35 days after they were last shared" in text_of(analyst)
    assert analyst.get("/agreements/none").status_code == 404


SIGNED = NOW - timedelta(days=1)


@pytest.mark.parametrize("signatures", range(4))
@pytest.mark.parametrize("days", [-2, 0, 5], ids=["before", "within", "after"])
def test_an_agreement_stands_as_a_node_says_it_does(signatures: int, days: int) -> None:
    names = ("one", "three", "two")
    parties = [Party(name, name, SIGNED if n < signatures else None) for n, name in enumerate(names)]
    begins, ends, at = NOW - timedelta(days=1), NOW + timedelta(days=1), NOW + timedelta(days=days)
    document = {"parties": list(names), "not_before": format_time(begins), "expires": format_time(ends)}
    at_node = Agreement(document, "", names[:signatures])
    assert state_of(parties, not_before=begins, expires=ends, at=at) == at_node.state(at=at)
