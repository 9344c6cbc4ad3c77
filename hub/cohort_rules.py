"""Cohort rules: who belongs to a cohort, as versioned TOML files (`cohort/1`), read strictly.

A rule file names domains as sets of service kinds, sub-regions as sets of areas, and requirements, all of
which have to be met. Whatever a file says that is not known is refused with file, requirement and key: a
rule that silently counted other people would be worse than none. The digest is of the canonical form, so
comments and the order of lines do not change it, and everything that could change a count does.

The hub knows of a person only which kinds of service saw them, in which areas, in which months, and whether
that is still open. A rule can ask for nothing else: no need, age, gender or name. See `hub.cohort_members`
for who is a member and docs/cohorts.md for the format.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from hub.errors import MalformedError
from hub.service_kinds import SERVICE_KINDS

FORMAT = "cohort/1"
STATUSES = ("open", "closed")
MOST_REQUIREMENTS = 20
MOST_NAMES = 200
MOST_MONTHS = 600
LONGEST_TITLE = 200
SHIPPED = ("mcn", "smd", "entrenched", "new", "long-term", "returning")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LINE = re.compile(r"at line (\d+)")


class CohortRuleError(MalformedError):
    """A rule file breaks a rule of `cohort/1`.

    Attributes:
        file: The name of the file, or empty.
        place: Where in it: "require 2", "domains", or empty for the file itself.
        key: The key, or empty.
        rule: What is broken, in words.
    """

    def __init__(self, rule: str, *, file: str = "", place: str = "", key: str = "") -> None:
        self.file, self.place, self.key, self.rule = file, place, key, rule
        super().__init__(f"{', '.join(filter(None, [file, place, key]))}: {rule}")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that has to be so; which of the options belong to which rule is in `OPTIONS`.

    Attributes:
        rule: One of `OPTIONS`.
        of: Service kinds, domains, areas or sub-regions that count; empty for all.
        at_least: How many of them, of returns, or of months of a gap, at least.
        at_most: Months of the longest gap at most.
        at_least_months_ago: First or last seen so long ago or longer.
        at_most_months_ago: First or last seen so long ago or less.
        gap_months: Months without being seen that make a return.
        within_months: Only what happened so many months ago or less.
        status: Only what is open, or closed; for the rule `status` whether anything is open.
    """

    rule: str
    of: tuple[str, ...] = ()
    at_least: int | None = None
    at_most: int | None = None
    at_least_months_ago: int | None = None
    at_most_months_ago: int | None = None
    gap_months: int | None = None
    within_months: int | None = None
    status: str | None = None


# Options that a requirement must have, and that it may have; of those in brackets it must have one.
OPTIONS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "kinds": (("at_least",), ("of", "within_months", "status"), ()),
    "domains": (("at_least", "of"), ("within_months", "status"), ()),
    "areas": (("at_least",), ("of", "within_months", "status"), ()),
    "sub_region": (("of",), ("within_months", "status"), ()),
    "first_seen": ((), (), ("at_least_months_ago", "at_most_months_ago")),
    "last_seen": ((), (), ("at_least_months_ago", "at_most_months_ago")),
    "longest_gap": ((), (), ("at_least", "at_most")),
    "returns": (("at_least", "gap_months"), ("within_months",), ()),
    "status": (("status",), (), ()),
}


@dataclass(frozen=True, slots=True)
class CohortRule:
    """A rule file that was read.

    Attributes:
        rule_id: What it is called.
        version: Which version of it.
        title: For people.
        domains: Service kinds by domain.
        sub_regions: Areas by sub-region.
        requirements: All of them have to be met.
    """

    rule_id: str
    version: int
    title: str
    domains: Mapping[str, tuple[str, ...]]
    sub_regions: Mapping[str, tuple[str, ...]]
    requirements: tuple[Requirement, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The rule as the TOML file says it, for `read_rule`."""
        return {
            "format": FORMAT,
            "id": self.rule_id,
            "version": self.version,
            "title": self.title,
            "domains": {name: list(kinds) for name, kinds in self.domains.items()},
            "sub_regions": {name: list(areas) for name, areas in self.sub_regions.items()},
            "require": [
                {
                    field.name: list(value) if isinstance(value, tuple) else value
                    for field in fields(Requirement)
                    if (value := getattr(needed, field.name)) not in (None, ())
                }
                for needed in self.requirements
            ],
        }

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical form, lower-case hex."""
        document = self.document
        del document["format"]
        for table in ("domains", "sub_regions"):
            document[table] = {name: sorted(words) for name, words in document[table].items()}
        entries = [entry | {"of": sorted(entry.get("of", ()))} for entry in document["require"]]
        document["require"] = sorted(entries, key=_text)
        return hashlib.sha256(f"knownto {FORMAT}\n{_text(document)}".encode()).hexdigest()


def _text(document: object) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load_rule(path: Path, *, kinds: Collection[str] = tuple(SERVICE_KINDS)) -> CohortRule:
    """Read a rule file.

    Raises:
        CohortRuleError: It cannot be opened or breaks a rule of the format.
    """
    try:
        text = path.read_text("utf-8")
    except OSError:
        raise CohortRuleError("the file cannot be opened", file=path.name) from None
    except UnicodeDecodeError:
        raise CohortRuleError("the file is not UTF-8 text", file=path.name) from None
    return parse_rule(text, file=path.name, kinds=kinds)


def parse_rule(text: str, *, file: str, kinds: Collection[str] = tuple(SERVICE_KINDS)) -> CohortRule:
    """Read the text of a rule file.

    Args:
        text: TOML.
        file: What the file is called, for messages.
        kinds: The service kinds there are.

    Raises:
        CohortRuleError: The text breaks a rule of the format.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        # The library's message can quote the file, which may be a caseload given by mistake.
        line = _LINE.search(str(error))
        place = f"line {line[1]}" if line else ""
        raise CohortRuleError("not TOML from here on", file=file, place=place) from None
    return _Reader(file, kinds).rule(document)


def read_rule(document: Mapping[str, Any], *, file: str) -> CohortRule:
    """Read what `CohortRule.document` gave.

    Raises:
        CohortRuleError: It breaks a rule of the format.
    """
    return _Reader(file, tuple(SERVICE_KINDS)).rule(document)


def shipped_rule(rule_id: str) -> CohortRule:
    """One of the rules that come with the program.

    Raises:
        CohortRuleError: There is none of this name.
    """
    if rule_id not in SHIPPED:
        raise CohortRuleError(f"shipped are {', '.join(SHIPPED)}", file="cohort rule", key="id")
    entry = resources.files("hub").joinpath(f"data/cohorts/{rule_id}.toml")
    return parse_rule(entry.read_text("utf-8"), file=f"{rule_id}.toml")


class _Reader:
    """Reads one file; knows its name for every message."""

    def __init__(self, file: str, kinds: Collection[str]) -> None:
        self._file = file
        self._kinds = kinds

    def rule(self, document: Mapping[str, Any]) -> CohortRule:
        if document.get("format") != FORMAT:
            raise self._error(f"must be {FORMAT}", key="format")
        known = ("format", "id", "version", "title", "domains", "sub_regions", "require")
        self._require_keys(document, known=known, needed=("id", "version", "title", "require"))
        domains = self._sets(document, "domains", self._kinds)
        twice = [kind for listed in domains.values() for kind in listed]
        if len(set(twice)) != len(twice):
            raise self._error("a service kind stands in two domains and would count twice", place="domains")
        sub_regions = self._sets(document, "sub_regions", None)
        entries = document["require"]
        if not isinstance(entries, list) or not 1 <= len(entries) <= MOST_REQUIREMENTS:
            raise self._error(f"must be 1 to {MOST_REQUIREMENTS} tables [[require]]", key="require")
        names: dict[str, Collection[str] | None] = {
            "kinds": self._kinds, "domains": domains, "areas": None, "sub_region": sub_regions
        }  # fmt: skip
        requirements = tuple(
            self._requirement(entry, names, place=f"require {number}")
            for number, entry in enumerate(entries, 1)
        )
        if len(set(requirements)) != len(requirements):
            raise self._error("one requirement stands there twice", key="require")
        title = document["title"]
        if not isinstance(title, str) or not 0 < len(title.strip()) <= LONGEST_TITLE:
            raise self._error(f"must be text of 1 to {LONGEST_TITLE} characters", key="title")
        return CohortRule(
            rule_id=self._word(document["id"], None, key="id"),
            version=self._number(document["version"], 1, 10**6, key="version"),
            title=title.strip(),
            domains=domains,
            sub_regions=sub_regions,
            requirements=requirements,
        )

    def _requirement(
        self, entry: object, names: Mapping[str, Collection[str] | None], *, place: str
    ) -> Requirement:
        if not isinstance(entry, Mapping):
            raise self._error("must be a table", place=place)
        rule = self._word(entry.get("rule"), OPTIONS, place=place, key="rule")
        needed, may, one_of = OPTIONS[rule]
        self._require_keys(
            entry, known=("rule", *needed, *may, *one_of), needed=("rule", *needed), place=place
        )
        if one_of and not set(one_of) & set(entry):
            raise self._error(f"one of {' and '.join(one_of)} is missing", place=place)
        read: dict[str, Any] = {}
        for key, value in entry.items():
            if key == "of":
                read[key] = self._words(value, names[rule], place=place, key=key)
            elif key == "status":
                read[key] = self._word(value, STATUSES, place=place, key=key)
            elif key != "rule":
                smallest = 0 if key in ("at_most", "at_least_months_ago", "at_most_months_ago") else 1
                read[key] = self._number(value, smallest, MOST_MONTHS, place=place, key=key)
        requirement = Requirement(rule=rule, **read)
        self._require_possible(requirement, names.get(rule), place=place)
        return requirement

    def _require_possible(self, needed: Requirement, names: Collection[str] | None, *, place: str) -> None:
        """Refuse what nobody could ever meet: a mistake, since a rule that counts nobody is of no use."""
        choice = needed.of or names
        if choice is not None and needed.at_least is not None and needed.at_least > len(choice):
            raise self._error(f"more than the {len(choice)} there are", place=place, key="at_least")
        for low, high in (("at_least", "at_most"), ("at_least_months_ago", "at_most_months_ago")):
            lowest, highest = getattr(needed, low), getattr(needed, high)
            if lowest is not None and highest is not None and lowest > highest:
                raise self._error(f"more than {high}", place=place, key=low)

    def _sets(
        self, document: Mapping[str, Any], name: str, vocabulary: Collection[str] | None
    ) -> dict[str, tuple[str, ...]]:
        table = document.get(name, {})
        if not isinstance(table, Mapping) or len(table) > MOST_NAMES:
            raise self._error(f"must be a table of at most {MOST_NAMES} lists", place=name)
        return {
            self._word(key, None, place=name): self._words(value, vocabulary, place=name, key=key)
            for key, value in table.items()
        }

    def _words(
        self, value: object, vocabulary: Collection[str] | None, *, place: str, key: str
    ) -> tuple[str, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_NAMES:
            raise self._error(f"must be a list of 1 to {MOST_NAMES} names", place=place, key=key)
        words = tuple(self._word(word, vocabulary, place=place, key=key) for word in value)
        if len(set(words)) != len(words):
            raise self._error("a name stands there twice", place=place, key=key)
        return words

    def _word(
        self, value: object, vocabulary: Iterable[str] | None, *, place: str = "", key: str = ""
    ) -> str:
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            rule = "must be a name of lower-case letters, digits, hyphens and underscores"
            raise self._error(rule, place=place, key=key)
        if vocabulary is not None and value not in vocabulary:
            raise self._error(f"{value} is not known{_hint(value, vocabulary)}", place=place, key=key)
        return value

    def _number(self, value: object, smallest: int, largest: int, *, place: str = "", key: str) -> int:
        if type(value) is not int or not smallest <= value <= largest:
            raise self._error(f"must be a whole number of {smallest} to {largest}", place=place, key=key)
        return value

    def _require_keys(
        self, table: Mapping[str, Any], *, known: Iterable[str], needed: Iterable[str], place: str = ""
    ) -> None:
        for key in table:
            if key not in known:
                shown = key if _WORD.fullmatch(key) else "a key"
                raise self._error(f"not known here{_hint(key, known)}", place=place, key=shown)
        for key in needed:
            if key not in table:
                raise self._error("missing", place=place, key=key)

    def _error(self, rule: str, *, place: str = "", key: str = "") -> CohortRuleError:
        return CohortRuleError(rule, file=self._file, place=place, key=key)


def _hint(word: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}" if known else ""
