"""A look-up by public task rests on an approval that its approver has had logged, at the same agency."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select, text

from hub.approval_models import OverrideApproval
from hub.log_views import read_entries
from hub.retention import forget
from hub.upgrades import _config, upgrade
from keys.actors import Actor
from tests.hub.client import Answer, codes
from tests.hub.conftest import EPOCH, Network
from tests.hub.test_overrides import PEOPLE, ask, sharing, task

OTHER = "cd" * 16
__all__ = ["sharing"]


def override(network: Network, **changes: Any) -> Answer:
    """Ask under an override that nobody has approved unless the test has."""
    return ask(network, task(network, **{"override": OTHER} | changes))


def report(network: Network, action: str, own: dict[str, Any], *, agency: str = "asker") -> None:
    node = network.nodes[agency]
    event = {"format": "log-event/1", "event": node.new_id(), "action": action, "facts": {}}
    actor = Actor("manager-1", "coordinator")
    answer = node.call("POST", "/v1/log/events", event | {"parts": {"own": own}}, actor=actor)
    assert answer.status == 201, answer.document


def test_an_override_holds_once_its_approver_has_had_it_logged(sharing: Network) -> None:
    assert override(sharing).code == "basis_not_permitted"
    sharing.nodes["asker"].approve(OTHER)
    assert codes(override(sharing)) == {"holder-1": "K", "holder-2": "K"}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda network: None, id="nobody"),
        pytest.param(lambda network: network.nodes["asker"].approve("12" * 16), id="another override"),
        pytest.param(lambda network: network.nodes["asker"].approve(OTHER, approver="x"), id="somebody else"),
        pytest.param(lambda network: network.nodes["holder-1"].approve(OTHER), id="another agency"),
        pytest.param(
            lambda network: report(network, "override:approval:refused", {"override": OTHER}), id="refused"
        ),
        pytest.param(
            lambda network: report(network, "override:request:made", {"override": OTHER}), id="asked"
        ),
        pytest.param(lambda network: report(network, "override:approval:given", {}), id="of no override"),
        pytest.param(
            lambda network: report(network, "override:approval:given", {"override": OTHER}), id="of no reason"
        ),
        pytest.param(
            lambda network: network.nodes["asker"].approve(OTHER, purpose="single_lookup"),
            id="for another purpose",
        ),
        pytest.param(
            lambda network: network.nodes["asker"].approve(OTHER, reason_category="serious_harm"),
            id="for another kind of reason",
        ),
        pytest.param(
            lambda network: network.nodes["asker"].approve(OTHER, reason_commitment="ce" * 32),
            id="for other words",
        ),
        pytest.param(
            lambda network: network.nodes["asker"].approve(OTHER, reason_commitment=None), id="for no words"
        ),
        pytest.param(
            lambda network: report(network, "override:approval:given", {"override": [OTHER]}), id="of a list"
        ),
    ],
)
def test_an_approval_that_is_not_in_the_log_is_refused_like_every_other_basis(
    sharing: Network,
    given: Any,
) -> None:
    given(sharing)
    answer = override(sharing)
    assert (answer.status, answer.code) == (403, "basis_not_permitted")
    # In the bytes of an override that was approved, and used for somebody else.
    assert ask(sharing, task(sharing), 0).status == 200
    assert answer.body == ask(sharing, task(sharing), 1).body
    with sharing.database.reading() as session:
        logged = [entry["action"] for _, entry in read_entries(session, after=0, limit=1000)]
    assert logged.count("lookup:refused:basis_not_permitted") == 2


def test_an_approval_ages_by_the_hubs_clock_whatever_the_node_says(sharing: Network) -> None:
    sharing.nodes["asker"].approve(OTHER)
    sharing.clock.move(days=28, seconds=-1)
    sharing.nodes["asker"].approve("ab" * 16)
    assert override(sharing).status == 200
    sharing.clock.move(seconds=1)
    assert override(sharing).code == "basis_not_permitted"
    assert override(sharing, override="ab" * 16).status == 200


def test_an_approval_given_again_is_for_what_it_says_now(sharing: Network) -> None:
    asker = sharing.nodes["asker"]
    asker.approve(OTHER, reason_category="serious_harm")
    asker.approve(OTHER)
    assert override(sharing).status == 200
    asker.approve(OTHER, purpose="single_lookup")
    assert override(sharing).code == "basis_not_permitted"


def test_the_asker_is_no_approver_even_with_an_approval_in_the_log(sharing: Network) -> None:
    sharing.nodes["asker"].approve(OTHER, approver="worker-1")
    assert override(sharing, approver="worker-1").code == "approver_required"


def test_one_case_of_several_without_an_approval_refuses_them_all(sharing: Network) -> None:
    asker = sharing.nodes["asker"]
    question = asker.question(PEOPLE[:2], sharing.schema, epoch=EPOCH)
    question["cases"][0]["basis"] = task(sharing)
    question["cases"][1]["basis"] = task(sharing, override=OTHER)
    answer = asker.look_up(question)
    assert answer.code == "basis_not_permitted" and "cases.1.basis" in answer.document["detail"]


def test_approvals_whose_time_is_over_are_forgotten_and_no_others(sharing: Network) -> None:
    sharing.clock.move(days=20)
    sharing.nodes["asker"].approve(OTHER)
    sharing.clock.move(days=20)
    with sharing.database.writing() as session:
        forget(session, before=sharing.clock() - timedelta(days=1), at=sharing.clock())
    with sharing.database.reading() as session:
        assert list(session.scalars(select(OverrideApproval.override))) == [OTHER]


def test_approvals_logged_before_the_hub_kept_them_go_on_to_hold(sharing: Network) -> None:
    sharing.nodes["asker"].approve(OTHER, approver="manager-2")
    sharing.nodes["asker"].approve(OTHER)
    with sharing.database.reading() as session:
        kept = session.execute(select(*OverrideApproval.__table__.columns).order_by(text("1, 2, 3"))).all()
    with sharing.database.connect_writing() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0008")
    upgrade(sharing.database)
    with sharing.database.reading() as session:
        again = session.execute(select(*OverrideApproval.__table__.columns).order_by(text("1, 2, 3"))).all()
    assert again == kept and len(kept) == 4
    assert override(sharing).status == 200
