"""`knownto duplicates across`, as people type it: listed, decided, contradicted, undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.linking import link_all
from tests.cli.commands import ROW, Desk, open_network
from tests.federation import PASSPHRASE, Federation


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    with open_network(tmp_path_factory.mktemp("network")) as federation:
        federation.share("asker", [ROW | {"local_id": "B7"}])
        federation.consent("asker", "B7")
        link_all(federation.hub.database, clock=federation.clock, report=lambda _: None)
        yield federation


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "passphrase"
    path.touch(mode=0o600)
    path.write_text(PASSPHRASE)
    return path


def test_a_pair_is_listed_decided_contradicted_and_undone(federation: Federation, secret: Path) -> None:
    asker, holder = (Desk(federation, agency, secret) for agency in ("asker", "holder"))
    [row] = json.loads(asker("duplicates", "across", "list", "--format", "json").stdout)
    assert (row["reference"], row["agency"], row["at_odds"]) == ("B7", "holder", False)
    assert row["words"] and "other" not in json.dumps(row).lower().replace("another", "")
    table = holder("duplicates", "across", "list")
    assert table.returncode == 0 and "A1" in table.stdout
    pair = row["pair"]
    decided = asker("duplicates", "across", "decide", pair, "not-sure", "--reason", "too_little_known")
    assert decided.returncode == 0 and "too little is known" in decided.stdout
    for desk, verdict in ((asker, "different"), (holder, "same")):
        done = desk("duplicates", "across", "decide", pair, verdict, "--reason", "files_compared")
        assert done.returncode == 0, done.stderr
    odd = asker("duplicates", "across", "list")
    assert odd.returncode == 3 and "at odds" in odd.stderr
    undone = holder("duplicates", "across", "decide", pair, "undo", "--reason", "entered_by_mistake")
    assert undone.returncode == 0
    shown = json.loads(asker("duplicates", "across", "history", pair, "--format", "json").stdout)
    assert [one["verdict"] for one in shown] == ["not_sure", "different", "same", "undone"]
    settled = asker("duplicates", "across", "list", "--format", "json")
    assert settled.returncode == 0 and json.loads(settled.stdout) == []
    assert len(json.loads(asker("duplicates", "across", "list", "--all", "--format", "json").stdout)) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(("decide", "0" * 32, "same", "--reason", "other"), 7, id="a pair nobody was shown"),
        pytest.param(("decide", "0" * 32, "same"), 2, id="no reason"),
        pytest.param(("decide", "0" * 32, "same", "--reason", "she said so"), 2, id="free text"),
        pytest.param(("history", "no-id"), 7, id="no id"),
        pytest.param(("list", "--staff", "somebody"), 4, id="somebody without the role"),
    ],
)
def test_what_cannot_be_is_refused(
    federation: Federation, secret: Path, words: tuple[str, ...], code: int
) -> None:
    assert Desk(federation, "asker", secret)("duplicates", "across", *words).returncode == code
