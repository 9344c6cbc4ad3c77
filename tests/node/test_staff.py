"""The roster: who may do what at this node, from the next command on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import pytest

from keys.actors import Actor, Role
from node.errors import IntegrityError, PolicyError, RecordFormatError
from node.home import Node, create_home, open_home
from node.settings import DATABASE_FILE, make_settings
from node.staff import (
    FIRST_ROLES,
    PERSONAL_ROLES,
    add_roles,
    read_changes,
    read_roster,
    remove_roles,
    require_actor,
)
from tests.federation import CHEAP, PASSPHRASE

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
FIRST, SECOND = "a-first", "b-second"
# May one person hold both? Everything else may.
EXCLUDED = {("ig", other) for other in ("officer", "coordinator", "custodian", "operator")}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    settings = make_settings(hub="https://hub.test", agency="north", staff=FIRST)
    with create_home(tmp_path / "north", settings, PASSPHRASE, cost=CHEAP, clock=lambda: AT) as node:
        yield node


def give(node: Node, staff: str, *roles: str) -> None:
    add_roles(node.store, staff, roles, by=FIRST, at=AT)


def test_a_new_node_has_one_person_with_every_role_but_reviewing_and_analysing(node: Node) -> None:
    (member,) = read_roster(node.store).values()
    assert (member.staff, member.changed_by, member.changed_at) == (FIRST, FIRST, AT)
    assert member.roles == FIRST_ROLES == set(PERSONAL_ROLES) - {Role.IG, Role.ANALYST}


@pytest.mark.parametrize(("one", "other"), list(combinations(PERSONAL_ROLES, 2)))
@pytest.mark.parametrize("together", [True, False], ids=["at once", "one after the other"])
def test_roles_exclude_each_other_in_one_person_as_the_table_says(
    node: Node, one: Role, other: Role, together: bool
) -> None:
    if not together:
        give(node, SECOND, one)
    if (one, other) in EXCLUDED or (other, one) in EXCLUDED:
        before = read_changes(node.store)
        with pytest.raises(PolicyError, match="reviews"):
            give(node, SECOND, *((one, other) if together else (other,)))
        assert read_changes(node.store) == before
    else:
        give(node, SECOND, *((one, other) if together else (other,)))
        assert read_roster(node.store)[SECOND].roles == {one, other}


def test_whoever_reviewed_may_do_something_else_once_they_no_longer_review(node: Node) -> None:
    give(node, SECOND, "ig")
    remove_roles(node.store, SECOND, ["ig"], by=FIRST, at=AT)
    give(node, SECOND, "officer")
    assert read_roster(node.store)[SECOND].roles == {Role.OFFICER}


def test_a_role_counts_from_when_it_is_given_until_it_is_taken(node: Node) -> None:
    with pytest.raises(PolicyError, match="does not hold"):
        require_actor(node.store, SECOND, ["officer"])
    give(node, SECOND, "officer", "responder")
    assert require_actor(node.store, SECOND, ["ig", "responder", "officer"]) == Actor(SECOND, "responder")
    remove_roles(node.store, SECOND, ["responder"], by=FIRST, at=AT)
    assert require_actor(node.store, SECOND, ["responder", "officer"]) == Actor(SECOND, "officer")
    remove_roles(node.store, SECOND, by=FIRST, at=AT)
    with pytest.raises(PolicyError, match="does not hold"):
        require_actor(node.store, SECOND, ["officer"])
    assert SECOND not in read_roster(node.store)


def test_nobody_may_act_as_the_node_itself(node: Node) -> None:
    with pytest.raises(PolicyError):
        require_actor(node.store, "node", ["node"])
    with pytest.raises(RecordFormatError, match="role must be one of"):
        give(node, SECOND, "node")
    with pytest.raises(RecordFormatError, match="not node"):
        give(node, "node", "officer")


@pytest.mark.parametrize("staff", ["", "A-First", "a first", "-a", "a" * 65, "å"])
def test_a_staff_id_that_is_none_is_refused_without_being_repeated(node: Node, staff: str) -> None:
    with pytest.raises(RecordFormatError) as refused:
        give(node, staff, "officer")
    assert not staff or staff not in str(refused.value)


def test_the_last_operator_stays(node: Node) -> None:
    for roles in (None, ["operator"]):
        with pytest.raises(PolicyError, match="last operator"):
            remove_roles(node.store, FIRST, roles, by=FIRST, at=AT)
    give(node, SECOND, "operator")
    remove_roles(node.store, FIRST, by=SECOND, at=AT)
    assert list(read_roster(node.store)) == [SECOND]


def test_nobody_is_removed_twice(node: Node) -> None:
    give(node, SECOND, "officer")
    remove_roles(node.store, SECOND, by=FIRST, at=AT)
    with pytest.raises(RecordFormatError, match="nobody of this staff id"):
        remove_roles(node.store, SECOND, by=FIRST, at=AT)


def test_the_roster_remembers_who_gave_whom_what(node: Node) -> None:
    give(node, SECOND, "officer")
    give(node, SECOND, "responder")
    remove_roles(node.store, SECOND, by=FIRST, at=AT)
    told = [(m.staff, sorted(m.roles), m.changed_by) for m in read_changes(node.store)[1:]]
    assert told == [
        (SECOND, ["officer"], FIRST),
        (SECOND, ["officer", "responder"], FIRST),
        (SECOND, [], FIRST),
    ]


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param("UPDATE staff_change SET number = 9 WHERE number = 2", id="moved to another place"),
        pytest.param(
            "INSERT INTO staff_change SELECT 3, content FROM staff_change WHERE number = 1", id="copied"
        ),
        pytest.param("UPDATE staff_change SET content = zeroblob(128) WHERE number = 2", id="overwritten"),
    ],
)
def test_a_roster_altered_in_the_file_is_refused(node: Node, forge: str) -> None:
    give(node, SECOND, "officer")
    with closing(sqlite3.connect(node.home / DATABASE_FILE)) as file:
        file.execute(forge)
        file.commit()
    with pytest.raises(IntegrityError, match="staff_change"):
        require_actor(node.store, SECOND, ["officer"])


def test_the_file_shows_neither_staff_id_nor_role(node: Node) -> None:
    give(node, SECOND, "officer")
    node.close()
    content = (node.home / DATABASE_FILE).read_bytes()
    assert SECOND.encode() not in content and b"officer" not in content


def test_a_node_made_before_there_were_rosters_begins_one_with_whoever_acted_then(node: Node) -> None:
    node.store.connection.execute("DELETE FROM staff_change")
    with open_home(node.home, PASSPHRASE) as opened:
        assert read_roster(opened.store)[FIRST].roles == FIRST_ROLES


def test_a_node_is_not_made_for_a_person_called_node(tmp_path: Path) -> None:
    settings = make_settings(hub="https://hub.test", agency="north", staff="node")
    with pytest.raises(RecordFormatError, match="not node"):
        create_home(tmp_path / "north", settings, PASSPHRASE, cost=CHEAP)
    assert not (tmp_path / "north").exists()
