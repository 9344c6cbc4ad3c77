"""Cohort rule files: the shipped ones by cases, members by a second implementation, defects by name."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cohort_members import Membership, Stay, membership, month_of, warnings_for
from hub.cohort_rules import OPTIONS, SHIPPED, CohortRuleError, load_rule, parse_rule, shipped_rule
from hub.cohort_words import explain_rule
from hub.errors import MalformedError
from hub.service_kinds import SERVICE_KINDS
from tests.hub.plain_cohorts import is_member

NOW = month_of("2026-06")
DATA = resources.files("hub").joinpath("data/cohorts")


def stay(
    kind: str, first: str, last: str = "2026-06", *, area: str = "watford", is_open: bool = True
) -> Stay:
    return Stay(kind, area, month_of(first), month_of(last), is_open)


def held(rule_id: str, *stays: Stay) -> Membership:
    return membership(shipped_rule(rule_id), stays, at=NOW)


@pytest.mark.parametrize(
    ("rule_id", "stays", "member"),
    [
        pytest.param("mcn", [], False, id="mcn: never seen"),
        pytest.param("mcn", [stay("housing", "2026-01")], False, id="mcn: one of five"),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("outreach", "2026-01")],
            False,
            id="mcn: one domain twice",
        ),
        pytest.param(
            "mcn", [stay("housing", "2026-01"), stay("probation", "2020-01", "2020-02")], True, id="mcn: two"
        ),
        pytest.param(
            "mcn",
            [stay("police", "2026-01"), stay("employment", "2026-01")],
            True,
            id="mcn: worklessness counts",
        ),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("domestic_abuse", "2026-01")],
            False,
            id="mcn: domestic abuse does not count",
        ),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("primary_care", "2026-01")],
            False,
            id="mcn: a general practice is no domain",
        ),
        pytest.param(
            "mcn",
            [stay("housing", "2026-01"), stay("police", "2026-07", "2026-08")],
            False,
            id="mcn: what comes later is not counted",
        ),
        pytest.param(
            "smd", [stay("housing", "2026-01"), stay("police", "2026-01")], False, id="smd: two of five"
        ),
        pytest.param(
            "smd",
            [stay("housing", "2026-01"), stay("police", "2026-01"), stay("domestic_abuse", "2026-01")],
            True,
            id="smd: three with domestic abuse",
        ),
        pytest.param(
            "smd",
            [stay("housing", "2026-01"), stay("police", "2026-01"), stay("employment", "2026-01")],
            False,
            id="smd: worklessness does not count",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2022-01", "2022-06"), stay("outreach", "2026-01", area="dacorum")],
            True,
            id="entrenched: long, two areas, two services, returned",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2022-01", "2022-06"), stay("outreach", "2026-01")],
            False,
            id="entrenched: one area",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2022-01"), stay("outreach", "2026-01", area="dacorum")],
            False,
            id="entrenched: never away",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2023-07", "2023-08"), stay("outreach", "2026-01", area="dacorum")],
            False,
            id="entrenched: 35 months",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2023-06", "2023-08"), stay("outreach", "2026-01", area="dacorum")],
            True,
            id="entrenched: 36 months",
        ),
        pytest.param(
            "entrenched",
            [stay("housing", "2020-01", "2020-08"), stay("outreach", "2025-01", "2025-05", area="dacorum")],
            False,
            id="entrenched: not seen for 13 months",
        ),
        pytest.param("new", [stay("housing", "2025-12")], True, id="new: six months ago"),
        pytest.param("new", [stay("housing", "2025-11")], False, id="new: seven months ago"),
        pytest.param(
            "new",
            [stay("housing", "2026-06"), stay("police", "2019-01", "2019-01")],
            False,
            id="new: seen once long ago",
        ),
        pytest.param("long-term", [stay("housing", "2024-06")], True, id="long-term: two years"),
        pytest.param("long-term", [stay("housing", "2024-07")], False, id="long-term: a month short"),
        pytest.param(
            "long-term",
            [stay("housing", "2024-01", "2024-06"), stay("police", "2025-07")],
            False,
            id="long-term: a year away",
        ),
        pytest.param(
            "long-term",
            [stay("housing", "2024-01", "2024-06"), stay("police", "2025-06")],
            True,
            id="long-term: eleven months away",
        ),
        pytest.param("long-term", [stay("housing", "2020-01", "2026-02")], False, id="long-term: gone"),
        pytest.param("long-term", [stay("housing", "2020-01", "2026-03")], True, id="long-term: just there"),
        pytest.param(
            "returning",
            [stay("housing", "2024-01", "2024-12"), stay("police", "2025-07")],
            True,
            id="returning: after six months, twelve months ago at most",
        ),
        pytest.param(
            "returning",
            [stay("housing", "2024-01", "2025-01"), stay("police", "2025-07")],
            False,
            id="returning: after five months",
        ),
        pytest.param(
            "returning",
            [stay("housing", "2020-01", "2020-12"), stay("police", "2025-05")],
            False,
            id="returning: thirteen months ago",
        ),
        pytest.param("returning", [stay("housing", "2026-01")], False, id="returning: never before"),
    ],
)
def test_shipped_rules_by_cases(rule_id: str, stays: list[Stay], member: bool) -> None:
    assert held(rule_id, *stays).member is member


@pytest.mark.parametrize(
    ("stays", "rule_id", "words"),
    [
        ([], "mcn", ["not seen by any service"]),
        (
            [stay("housing", "2026-01"), stay("substance_misuse", "2026-01")],
            "mcn",
            ["2 of 5 domains (homelessness, substance misuse), 2 needed"],
        ),
        (
            [stay("housing", "2022-01", "2022-06"), stay("outreach", "2026-01")],
            "entrenched",
            [
                "first seen 53 months ago, at least 36 needed",
                "last seen 0 months ago, at most 12 needed",
                "1 areas (watford), 2 needed",
                "2 kinds of service (housing, street outreach), 2 needed",
                "back 1 times after 6 months or more away, 1 needed",
            ],
        ),
    ],
)
def test_the_reasons_are_given_in_words(stays: list[Stay], rule_id: str, words: list[str]) -> None:
    assert [reason.words for reason in held(rule_id, *stays).reasons] == words


def test_a_stay_that_runs_past_the_snapshot_is_seen_in_its_month() -> None:
    later = stay("housing", "2026-01", "2027-01")
    assert membership(shipped_rule("new"), [later], at=NOW).member


KINDS = ("housing", "police", "mental_health", "domestic_abuse")
AREAS = ("dacorum", "watford", "stevenage")
stays = st.builds(
    lambda kind, area, first, length, is_open: Stay(kind, area, NOW - first, NOW - first + length, is_open),
    st.sampled_from(KINDS), st.sampled_from(AREAS), st.integers(-3, 40), st.integers(0, 20), st.booleans(),
)  # fmt: skip
HEAD = 'format = "cohort/1"\nid = "drawn"\nversion = 1\ntitle = "Drawn"\n'
SETS = """
[domains]
homelessness = ["housing"]
offending = ["police", "probation"]
harm = ["domestic_abuse"]
[sub_regions]
west = ["dacorum", "watford"]
north = ["stevenage"]
"""
NAMES = {
    "kinds": KINDS,
    "domains": ("homelessness", "offending", "harm"),
    "areas": AREAS,
    "sub_region": ("west", "north"),
}


@st.composite
def requirements(draw: st.DrawFn) -> str:
    """One requirement with any options that its rule takes."""
    rule = draw(st.sampled_from(sorted(OPTIONS)))
    needed, may, one_of = OPTIONS[rule]
    options = {*needed, *draw(st.sets(st.sampled_from(may)) if may else st.just(set()))}
    options |= draw(st.sets(st.sampled_from(one_of), min_size=1)) if one_of else set()
    lines = [f'[[require]]\nrule = "{rule}"']
    of = draw(st.sets(st.sampled_from(NAMES.get(rule, ("x",))), min_size=1)) if "of" in options else None
    for key in sorted(options):
        if key == "of":
            value = str(sorted(of or ()))
        elif key == "status":
            value = draw(st.sampled_from(['"open"', '"closed"']))
        elif key == "at_least" and rule not in ("longest_gap", "returns"):
            value = str(draw(st.integers(1, len(of) if of else 3)))
        elif key == "at_least":
            value = str(draw(st.integers(1, 4)))
        elif key.startswith("at_most"):
            value = str(draw(st.integers(4, 30)))
        else:
            value = str(draw(st.integers(1, 4 if key in ("gap_months", "at_least_months_ago") else 20)))
        lines.append(f"{key} = {value}")
    return "\n".join(lines)


@settings(max_examples=400, deadline=None)
@given(st.lists(requirements(), min_size=1, max_size=3, unique=True), st.lists(stays, max_size=6))
def test_a_second_plain_implementation_agrees(needed: list[str], timeline: list[Stay]) -> None:
    text = HEAD + SETS + "\n".join(needed)
    assert membership(parse_rule(text, file="x.toml"), timeline, at=NOW).member is is_member(
        text, timeline, NOW
    )


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SHIPPED), st.lists(stays, max_size=6))
def test_the_second_implementation_agrees_on_the_shipped_rules(rule_id: str, timeline: list[Stay]) -> None:
    text = DATA.joinpath(f"{rule_id}.toml").read_text("utf-8")
    assert held(rule_id, *timeline).member is is_member(text, timeline, NOW)


@given(st.sampled_from(SHIPPED), st.lists(stays, max_size=6), st.randoms())
def test_the_order_of_a_timeline_does_not_matter(rule_id: str, timeline: list[Stay], random: object) -> None:
    turned = list(timeline)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert held(rule_id, *timeline) == held(rule_id, *turned)


def test_every_shipped_file_is_listed_and_named_as_its_id() -> None:
    files = {entry.name.removesuffix(".toml") for entry in DATA.iterdir()}
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


MCN = DATA.joinpath("mcn.toml").read_text("utf-8")


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


def test_a_partnership_of_all_kinds_is_not_warned() -> None:
    for rule_id in SHIPPED:
        assert warnings_for(shipped_rule(rule_id), SERVICE_KINDS) == ()


def test_missing_kinds_that_see_women_and_domains_nobody_covers_are_told() -> None:
    assert warnings_for(shipped_rule("smd"), {"housing", "police", "childrens_services"}) == (
        "nobody from mental health takes part: women are undercounted",
        "nobody from domestic abuse takes part: women are undercounted",
        "nobody can be counted under domestic abuse: no service of that kind takes part",
        "nobody can be counted under mental ill health: no service of that kind takes part",
        "nobody can be counted under substance misuse: no service of that kind takes part",
        "nobody can be a member: 3 domains are needed, 2 take part",
    )


def test_a_rule_of_more_kinds_than_take_part_is_told() -> None:
    missing = set(SERVICE_KINDS) - {"housing"}
    assert warnings_for(shipped_rule("entrenched"), missing) == ()
    only = warnings_for(shipped_rule("entrenched"), {"housing"})
    assert only[-1] == "nobody can be a member: 2 kinds are needed, 1 take part"


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-01", "2026-01-01", ""])
def test_a_month_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        month_of(text)


def test_a_stay_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(MalformedError):
        stay("housing", "2026-02", "2026-01")
