"""Cohort rule files: the shipped ones, in words, bound by a digest; defects refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from hub.cohort_rules import SHIPPED, CohortRuleError, load_rule, parse_rule, shipped_rule
from hub.cohort_words import explain_rule
from tests.hub.cohort_files import HEAD, SETS, SHIPPED_FILES, requirements


def test_every_shipped_file_is_listed_and_named_as_its_id() -> None:
    files = {entry.name.removesuffix(".toml") for entry in SHIPPED_FILES.iterdir()}
    assert files == set(SHIPPED) == {shipped_rule(rule_id).rule_id for rule_id in SHIPPED}


@pytest.mark.parametrize("rule_id", SHIPPED)
def test_a_shipped_rule_is_explained_without_its_own_syntax(rule_id: str) -> None:
    words = explain_rule(shipped_rule(rule_id))
    assert words.startswith(shipped_rule(rule_id).title)
    assert not any(sign in words for sign in "_[]{}=") and "None" not in words


@given(requirements())
def test_every_requirement_can_be_explained(needed: str) -> None:
    words = explain_rule(parse_rule(HEAD + SETS + needed, file="x.toml"))
    assert "None" not in words and "_" not in words


def test_a_rule_is_explained_line_by_line() -> None:
    text = HEAD + SETS + (
        '[[require]]\nrule = "domains"\nat_least = 1\nof = ["offending", "harm"]\nstatus = "open"\n'
        '[[require]]\nrule = "sub_region"\nof = ["west"]\nwithin_months = 1\n'
    )  # fmt: skip
    assert explain_rule(parse_rule(text, file="x.toml")).splitlines() == [
        "Drawn (drawn, version 1)",
        "Counts a person where all of this is so:",
        "- seen under at least 1 of 2 domains: offending or harm, open cases only",
        "- seen in west, in the last 1 month",
        "Domains:",
        "- offending: police or probation",
        "- harm: domestic abuse",
        "Sub-regions:",
        "- west: dacorum or watford",
    ]


MCN = SHIPPED_FILES.joinpath("mcn.toml").read_text("utf-8")


def test_comments_and_order_do_not_change_the_digest() -> None:
    turned = MCN.replace('["police", "probation"]', '["probation", "police"]  # either').replace(
        'of = ["homelessness", "offending",', 'of = ["offending", "homelessness",'
    )
    assert turned != MCN
    assert parse_rule(turned, file="x.toml").digest == shipped_rule("mcn").digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_least = 2", "at_least = 3"),
        ("version = 1", "version = 2"),
        ('"police", ', ""),
        ("(Coventry)", ""),
    ],
)
def test_what_could_change_a_count_or_its_name_changes_the_digest(old: str, new: str) -> None:
    assert old in MCN
    assert parse_rule(MCN.replace(old, new), file="x.toml").digest != shipped_rule("mcn").digest


ONE = '[[require]]\nrule = "kinds"\nat_least = 1\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("local_id,dob\nX1,1980", "x.toml, line 1: not TOML", id="a caseload by mistake"),
        pytest.param(ONE, "x.toml, format: must be cohort/1", id="no format"),
        pytest.param(HEAD.replace("cohort/1", "cohort/2") + ONE, "x.toml, format", id="another format"),
        pytest.param(HEAD, "x.toml, require: missing", id="no requirement"),
        pytest.param(HEAD + "require = []", "x.toml, require: must be 1 to 20", id="empty requirements"),
        pytest.param(HEAD + "require = [1]", "x.toml, require 1: must be a table", id="requirement no table"),
        pytest.param(HEAD + 'owner = "x"\n' + ONE, "x.toml, owner: not known here", id="unknown key"),
        pytest.param(HEAD + '"A b" = 1\n' + ONE, "x.toml, a key: not known here", id="key that is no word"),
        pytest.param(HEAD.replace("drawn", "MCN!") + ONE, "x.toml, id: must be a name", id="id no word"),
        pytest.param(HEAD.replace("= 1", "= 0") + ONE, "x.toml, version: must be a whole", id="version zero"),
        pytest.param(HEAD.replace("= 1", "= true") + ONE, "x.toml, version: must be", id="version a boolean"),
        pytest.param(HEAD.replace('"Drawn"', '" "') + ONE, "x.toml, title: must be text", id="blank title"),
        pytest.param(HEAD + ONE + ONE, "x.toml, require: one requirement", id="requirement twice"),
        pytest.param(HEAD + "[[require]]\nat_least = 1", "x.toml, require 1, rule: must be", id="no rule"),
        pytest.param(
            HEAD + '[[require]]\nrule = "domain"',
            "x.toml, require 1, rule: domain is not known; did you mean",
            id="unknown rule",
        ),
        pytest.param(
            HEAD + ONE + "atleast = 2",
            "x.toml, require 1, atleast: not known here; did you mean at_least?",
            id="unknown option",
        ),
        pytest.param(
            HEAD + ONE + "gap_months = 2",
            "x.toml, require 1, gap_months: not known here",
            id="option of another rule",
        ),
        pytest.param(
            HEAD + '[[require]]\nrule = "returns"\nat_least = 1',
            "x.toml, require 1, gap_months: missing",
            id="option missing",
        ),
        pytest.param(
            HEAD + '[[require]]\nrule = "first_seen"',
            "x.toml, require 1: one of at_least_months_ago",
            id="no bound at all",
        ),
        pytest.param(
            HEAD + '[[require]]\nrule = "last_seen"\nat_least_months_ago = 5\nat_most_months_ago = 4',
            "x.toml, require 1, at_least_months_ago: more than",
            id="bounds that cross",
        ),
        pytest.param(
            HEAD + ONE + 'of = "police"', "x.toml, require 1, of: must be a list", id="text, no list"
        ),
        pytest.param(HEAD + ONE + "of = []", "x.toml, require 1, of: must be a list", id="empty list"),
        pytest.param(
            HEAD + ONE + 'of = ["polise"]',
            "x.toml, require 1, of: polise is not known; did you mean police?",
            id="unknown service kind",
        ),
        pytest.param(
            HEAD + ONE + 'of = ["police", "police"]', "x.toml, require 1, of: a name stands", id="kind twice"
        ),
        pytest.param(
            HEAD + ONE.replace("1", "3") + 'of = ["police", "housing"]',
            "x.toml, require 1, at_least: more than the 2",
            id="more than there are",
        ),
        pytest.param(
            HEAD + ONE.replace("= 1", "= 1.5"), "x.toml, require 1, at_least: must be", id="number no whole"
        ),
        pytest.param(
            HEAD + ONE + "within_months = 601",
            "x.toml, require 1, within_months: must be",
            id="too many months",
        ),
        pytest.param(
            HEAD + ONE + 'status = "shut"',
            "x.toml, require 1, status: shut is not known",
            id="unknown status",
        ),
        pytest.param(
            HEAD + '[[require]]\nrule = "domains"\nat_least = 1\nof = ["harm"]',
            "x.toml, require 1, of: harm is not known",
            id="domain that is not defined",
        ),
        pytest.param(
            HEAD + '[domains]\na = ["police"]\nb = ["police"]\n' + ONE,
            "x.toml, domains: a service kind stands",
            id="kind in two domains",
        ),
        pytest.param(
            HEAD + '[domains]\na = ["polise"]\n' + ONE,
            "x.toml, domains, a: polise is not known",
            id="unknown kind in a domain",
        ),
        pytest.param(HEAD + "domains = 3\n" + ONE, "x.toml, domains: must be a table", id="domains no table"),
        pytest.param(
            HEAD + '[sub_regions]\nwest = ["St Albans"]\n' + ONE,
            "x.toml, sub_regions, west: must be a name",
            id="area no id",
        ),
    ],
)
def test_a_rule_file_with_a_defect_is_refused_by_file_requirement_and_key(text: str, message: str) -> None:
    with pytest.raises(CohortRuleError) as refused:
        parse_rule(text, file="x.toml")
    assert str(refused.value).startswith(message)
    assert "1980" not in str(refused.value)


def test_a_partnership_may_have_kinds_of_its_own() -> None:
    text = HEAD + ONE + 'of = ["fire_service"]'
    assert parse_rule(text, file="x.toml", kinds=["fire_service"]).requirements[0].of == ("fire_service",)


def test_a_rule_file_is_read_from_disk(tmp_path: Path) -> None:
    file = tmp_path / "mcn.toml"
    file.write_text(MCN, "utf-8")
    assert load_rule(file).digest == shipped_rule("mcn").digest


def test_a_rule_file_that_is_not_there_or_no_text_is_named_by_its_name_only(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    for name in ("a.toml", "b.toml"):
        with pytest.raises(CohortRuleError, match=rf"^{name}: "):
            load_rule(tmp_path / name)


def test_a_rule_nobody_ships_is_refused() -> None:
    with pytest.raises(CohortRuleError, match="shipped are mcn"):
        shipped_rule("../mcn")
