"""A model fitted to the hub's own index: what it may change, who sees it, and when look-ups use it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from cli.main import exit_code, knownto
from hub.database import Database
from hub.errors import NotInitialisedError
from hub.estimation import estimate, read_index, read_weighing, store_fit
from hub.log_views import read_entries
from hub.matching import Holder, _known
from hub.models import IndexModel
from matcher.errors import ModelParameterError
from matcher.model import format_model, parse_model, shipped_model
from matcher.patterns import PATTERN_SHAPE, identity_id
from matcher.schema import shipped_schema
from tests.hub.client import codes
from tests.hub.conftest import EPOCH, NOW, Network
from tests.hub.people import make_people

PEOPLE = make_people(160, seed=21)


@pytest.fixture
def shared(partnership: Network) -> Network:
    """Two agencies share 100 people each, 40 of them the same."""
    for agency, people in (("holder-1", PEOPLE[:100]), ("holder-2", PEOPLE[60:160])):
        node = partnership.nodes[agency]
        records = [node.record([person], partnership.schema) for person in people]
        assert node.push(records, partnership.schema, epoch=EPOCH).status == 200
        if agency == "holder-1":
            assert node.consent(records[0]["handle"]).status == 200
    return partnership


def run(network: Network, *arguments: str) -> Result:
    return CliRunner().invoke(knownto, ["--home", str(network.home), "hub", "estimate", *arguments])


def run_json(network: Network, *arguments: str) -> dict[str, Any]:
    result = run(network, *arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def stored(network: Network) -> list[IndexModel]:
    with network.database.reading() as session:
        return list(session.scalars(select(IndexModel)))


def ask(network: Network) -> tuple[dict[str, str], str]:
    """The answers about one known person, and the digest of the model in the log."""
    asker = network.nodes["asker"]
    answer = asker.look_up(asker.question([PEOPLE[0]], network.schema, epoch=EPOCH))
    assert answer.status == 200, answer.document
    with network.database.reading() as session:
        [(_, entry)] = read_entries(session, after=answer.document["log_index"] - 1, limit=1)
    return codes(answer), entry["model_digest"]


def test_the_index_is_read_as_one_set_of_tokens(shared: Network) -> None:
    with shared.database.reading() as session:
        tokens, agency, agencies = read_index(session, shared.schema)
    tokens.require_schema(shared.schema)
    assert agencies == ("holder-1", "holder-2")
    assert np.bincount(agency).tolist() == [100, 100]
    assert tokens.record_count == 200


def test_the_people_that_agencies_share_are_found(shared: Network) -> None:
    with shared.database.reading() as session:
        fit, _ = estimate(session)
    assert set(fit.known) == {"holder-1", "holder-2"}
    # 40 of the other agency's 100 records are of people it knows.
    assert all(rate == pytest.approx(0.4, abs=0.06) for rate in fit.known.values())
    assert fit.converged


def test_patterns_that_only_probes_show_are_moved_with_the_population_and_crowding_is_not(
    shared: Network,
) -> None:
    with shared.database.reading() as session:
        fit, epoch = estimate(session)
    shipped = shipped_model(epoch.schema)
    assert fit.model.joint
    assert fit.model.schema_digest == epoch.schema.digest
    assert fit.model.crowding_shape == shipped.crowding_shape
    asked = next(
        code
        for code in np.flatnonzero(shipped.identity[0] > 1e-4).tolist()
        if identity_id(code).startswith("date=year_differs initials=both")
    )
    assert asked not in {pattern // int(np.prod(PATTERN_SHAPE[1:])) for pattern in fit.model.joint}
    assert fit.model.identity[0, asked] != shipped.identity[0, asked]


def test_a_fit_is_kept_and_not_used_unless_asked_for(shared: Network) -> None:
    before = ask(shared)
    shown = run_json(shared)
    assert (shown["stored"], shown["in_use"]) == (True, False)
    [row] = stored(shared)
    assert (row.schema_digest, row.digest, row.in_use) == (
        shared.schema.digest,
        shown["model_digest"],
        False,
    )
    assert ask(shared) == before
    assert before[1] == shipped_model(shared.schema).digest


def test_a_fit_in_use_weighs_look_ups_and_is_named_in_the_log(shared: Network) -> None:
    shown = run_json(shared, "--use")
    assert shown["in_use"] is True
    answers, digest = ask(shared)
    assert answers == {"holder-1": "K", "holder-2": "N"}
    assert digest == shown["model_digest"] != shipped_model(shared.schema).digest


def test_estimating_again_without_use_goes_back_to_the_shipped_model(shared: Network) -> None:
    run_json(shared, "--use")
    run_json(shared)
    assert len(stored(shared)) == 1
    assert ask(shared)[1] == shipped_model(shared.schema).digest


def test_another_connection_sees_a_fit_at_once(shared: Network) -> None:
    run_json(shared, "--use")
    other = Database(shared.database.engine.url.render_as_string(hide_password=False))
    with other.reading() as session:
        weighing = read_weighing(session, shared.schema)
    other.close()
    assert weighing.digest == stored(shared)[0].digest == weighing.model.digest


def test_a_dry_run_stores_nothing(shared: Network) -> None:
    shown = run_json(shared, "--use", "--dry-run")
    assert (shown["stored"], shown["in_use"]) == (False, False)
    assert stored(shared) == []


def test_the_model_can_be_written_to_a_file(shared: Network) -> None:
    out = shared.home / "model.json"
    shown = run_json(shared, "--out", str(out))
    model = parse_model(out.read_text("utf-8"))
    assert model.digest == shown["model_digest"]
    model.require_schema(shared.schema)


def test_a_fit_of_another_schema_is_not_used(shared: Network) -> None:
    run_json(shared, "--use")
    other = shipped_schema(["dob", "initials"])
    with shared.database.reading() as session:
        assert read_weighing(session, other).model.joint == {}


def test_a_stored_model_that_was_fitted_for_another_schema_is_refused(shared: Network) -> None:
    with shared.database.reading() as session:
        fit, _ = estimate(session)
    with shared.database.writing() as session:
        store_fit(session, fit, in_use=True, at=NOW)
        row = session.get_one(IndexModel, shared.schema.digest)
        row.document = format_model(replace(fit.model, schema_digest="0" * 64))
    with shared.database.reading() as session, pytest.raises(ModelParameterError):
        read_weighing(session, shared.schema)


def test_rates_count_only_where_every_agency_asked_has_one() -> None:
    holders = [Holder("a", 10, {}), Holder("b", 20, {})]
    assert _known(holders, None) is None
    assert _known(holders, {"a": 0.5}) is None
    rates = _known(holders, {"a": 0.5, "b": 0.25, "c": 1.0})
    assert rates is not None and rates.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("begun", [pytest.param(False, id="no epoch"), pytest.param(True, id="no records")])
def test_nothing_to_estimate_from_is_said(network: Network, begun: bool) -> None:
    if begun:
        network.begin_epoch(network.join("custodian", custodian=True))
    result = run(network)
    assert isinstance(result.exception, NotInitialisedError)
    assert exit_code(result.exception) == 10
    assert "nothing to estimate from" in str(result.exception)


def test_what_is_printed_names_agencies_and_no_handle(shared: Network) -> None:
    result = run(shared)
    assert "holder-1" in result.stdout
    with shared.database.reading() as session:
        handles = session.execute(select(IndexModel.document, IndexModel.known)).all()
    assert handles and "handle" not in str(handles)
    assert "shipped model" in result.stderr
