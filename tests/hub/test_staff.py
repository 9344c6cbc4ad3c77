"""Who works at the hub: the roster and its rules, on both databases."""

from __future__ import annotations

import pytest

from hub.database import Database
from hub.errors import MalformedError, NotFoundError, PolicyError
from hub.staff import add_roles, read_changes, read_roster, remove_roles, require_operator
from keys.actors import Role
from tests.hub.conftest import NOW


@pytest.fixture
def roster(database: Database) -> Database:
    """h-first is the operator."""
    with database.writing() as session:
        require_operator(session, "h-first", at=NOW)
    return database


def held(database: Database) -> dict[str, set[str]]:
    with database.reading() as session:
        return {staff: {str(role) for role in one.roles} for staff, one in read_roster(session).items()}


def test_the_first_who_acts_is_the_operator_and_nobody_else_becomes_one(roster: Database) -> None:
    with pytest.raises(PolicyError), roster.writing() as session:
        require_operator(session, "h-second", at=NOW)
    with roster.writing() as session:
        assert require_operator(session, "h-first", at=NOW).roles == {Role.OPERATOR}
    assert held(roster) == {"h-first": {"operator"}}


def test_roles_are_given_and_taken_and_every_change_is_kept(roster: Database) -> None:
    with roster.writing() as session:
        add_roles(session, "h-two", ["analyst"], by="h-first", at=NOW)
        add_roles(session, "h-two", ["operator"], by="h-first", at=NOW)
        remove_roles(session, "h-two", ["analyst"], by="h-two", at=NOW)
    assert held(roster) == {"h-first": {"operator"}, "h-two": {"operator"}}
    with roster.writing() as session:
        remove_roles(session, "h-first", by="h-two", at=NOW)
    assert held(roster) == {"h-two": {"operator"}}
    with roster.reading() as session:
        assert [(one.staff, one.changed_by) for one in read_changes(session)] == [
            ("h-first", "h-first"), ("h-two", "h-first"), ("h-two", "h-first"), ("h-two", "h-two"),
            ("h-first", "h-two"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("staff", "roles", "error"),
    [
        pytest.param("h-two", ["officer"], MalformedError, id="a role of a node"),
        pytest.param("h-two", ["ig", "analyst"], PolicyError, id="reviewer and analyst"),
        pytest.param("h-first", ["ig"], PolicyError, id="operator and reviewer"),
        pytest.param("Two Words", ["ig"], MalformedError, id="no staff id"),
        pytest.param("node", ["ig"], MalformedError, id="the id under which a node acts"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    roster: Database, staff: str, roles: list[str], error: type[Exception]
) -> None:
    with pytest.raises(error), roster.writing() as session:
        add_roles(session, staff, roles, by="h-first", at=NOW)
    assert held(roster) == {"h-first": {"operator"}}


def test_the_last_operator_stays_and_strangers_have_nothing_to_take(roster: Database) -> None:
    with pytest.raises(PolicyError), roster.writing() as session:
        remove_roles(session, "h-first", by="h-first", at=NOW)
    with pytest.raises(NotFoundError), roster.writing() as session:
        remove_roles(session, "h-two", by="h-first", at=NOW)
