"""Exposure and accuracy of every stored slot together: `python -m benchmarks.exposure --records 100000`.

A slot is worth storing if links are lost without it and strangers rarely share its value. For a synthetic
county (`cli.demo.generator`), and for folders of caseloads with their truth (`--data`), a table gives for
every stored slot

- has it: share of records that have the slot;
- strangers: records of other people with the same value, a record, over all records and over those with it;
- recall alone: true pairs that share the value, of all true pairs;
- rank alignment: `benchmarks.attacks.rank_alignment` with the perfect register of everybody;
- F1 without: best F1 of `matcher.linking.link` when slot and probes that ask it are cut from the schema;

and then what percolation from known people opens by the shipped slots, by these and the halves of the name
filter, and by slots that also hold what the shipped schema asks (initials with two of three date parts).
The name filter is taken by equality here; what its similarities tell beyond that is not measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attacks import Opened, Percolation, rank_alignment, register_of, shares
from cli.demo.files import write_contract
from cli.demo.generator import DEFAULT_AS_OF, generate
from cli.evaluation_data import EVALUATION_KEY, TABLES, Population, load_population, parse_fields
from cli.evaluation_truth import read_truth
from keys.linkage import LinkageKey
from matcher.candidates import Meetings, equal_pairs, stored_meetings
from matcher.evaluation import best_f1
from matcher.linking import link
from matcher.model import shipped_model
from matcher.schema import LinkageSchema, parse_schema
from matcher.tokens import IntArray, TokenSet, UInt8Array, UInt64Array
from node.identifiers import Identifiers
from node.records import read_caseload
from node.slots import Encoder, LinkageKeyProvider

FIELDS = "dob,names,chain,nhs_number,sex,area"
SEED, KNOWN_PEOPLE = 11, 1000
RECORDS_PER_PERSON = 1.79  # of the generator; the number reached is printed
# What the shipped schema asks by probes A1, A2 and A3, stored: the loose schema that is compared with.
LOOSE_SLOTS = (
    {"slot": "L1", "inputs": ["day", "month", "initials"], "shows": {"date": "year_differs"}},
    {"slot": "L2", "inputs": ["day", "year", "initials"], "shows": {"date": "month_differs"}},
    {"slot": "L3", "inputs": ["month", "year", "initials"], "shows": {"date": "day_differs"}},
)
# A filter over one small attribute, which no schema stores: what rank alignment does to it.
BARE_SLOT = {"slot": "I", "inputs": ["initials"], "shows": {"initials": "both"}}


@dataclass(frozen=True, slots=True)
class SlotFigures:
    """One row of the table; shares in [0, 1], strangers in records a record."""

    slot: str
    has_it: float
    strangers: float
    strangers_of_holders: float
    recall_alone: float
    rank_alignment: float | None
    f1_without: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is measured of one population; percolation by what is stored."""

    data: str
    records: int
    people: int
    known_people: int
    best_f1: float | None
    slots: tuple[SlotFigures, ...]
    asked_if_stored: tuple[SlotFigures, ...]
    percolation: Mapping[str, Opened]


@dataclass(frozen=True, slots=True, repr=False)
class People:
    """Main identifiers of every record, and whose it is."""

    identifiers: list[Identifiers]
    person: IntArray


def recall_alone(values: UInt64Array, record: IntArray, person: IntArray, true_pairs: int) -> float:
    """Share of the true pairs of records that share a slot's value.

    Args:
        values: The slot of every token, shape (tokens,); 0 = absent.
        record: Record of every token, shape (tokens,).
        person: Person of every record, shape (records,).
        true_pairs: All pairs of records of one person.
    """
    left, right, _ = equal_pairs(values, largest_group=1 << 14)
    left, right = record[left], record[right]
    same = (left != right) & (person[left] == person[right])
    left, right = np.minimum(left, right)[same], np.maximum(left, right)[same]
    return len(np.unique(left * (len(person) + 1) + right)) / max(true_pairs, 1)


def without_slot(schema: LinkageSchema, slot_id: str) -> LinkageSchema:
    """The schema without a stored slot (or the name filter) and what rests on it: probes, slots beside it."""
    document = schema.document
    if schema.name_filter is not None and slot_id == schema.name_filter.slot_id:
        return parse_schema(document | {"name_filter": None})
    return parse_schema(
        document
        | {
            "stored": [
                entry for entry in document["stored"] if slot_id not in (entry["slot"], entry.get("beside"))
            ],
            "asked": [entry for entry in document["asked"] if entry["asks"] != slot_id],
        }
    )


def cut(
    schema: LinkageSchema, smaller: LinkageSchema, tokens: TokenSet, meetings: Meetings
) -> tuple[TokenSet, Meetings]:
    """Tokens and meetings as they would be under a schema that has only some of the slots and probes."""
    kept = [schema.slot_index[slot.slot_id] for slot in smaller.stored]
    names = tokens.names if smaller.name_filter is not None else tokens.names[:, :0]
    fewer = replace(tokens, slots=tokens.slots[:, kept], names=names)
    index = np.full(len(schema.asked) + 1, -1, np.int64)  # The last entry answers -1, a stored slot.
    for at, probe in enumerate(smaller.asked):
        index[schema.probe_index[probe.probe_id]] = at
    asked = index[meetings.asked]
    probed = asked >= 0
    by_probe = Meetings(meetings.left[probed], meetings.right[probed], asked[probed])
    return fewer, Meetings.concatenate([*stored_meetings(smaller, fewer), by_probe])


def f1_under(population: Population, smaller: LinkageSchema) -> float:
    """Best F1 of a linking run under a cut of the population's schema."""
    tokens, meetings = cut(population.schema, smaller, population.tokens, population.meetings)
    run = link(
        smaller, tokens, meetings, agency=population.agency, shipped=shipped_model(smaller), probes=True
    )
    is_match = population.is_match(run.pairs.left, run.pairs.right)
    return best_f1(run.pairs.posterior, is_match, population.true_pairs).measure.f1


def loose_schema(schema: LinkageSchema) -> LinkageSchema:
    """The schema with what probes A1 to A3 ask as stored slots."""
    return parse_schema(schema.document | {"stored": [*schema.document["stored"], *_searched(LOOSE_SLOTS)]})


def _searched(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [{**entry, "search": True, "needs": ["dob", "initials"]} for entry in entries]


def unconditional(schema: LinkageSchema) -> LinkageSchema:
    """The schema with every slot made for every record: what a register can tell of everybody."""
    stored = [
        {key: value for key, value in entry.items() if key != "when"} for entry in schema.document["stored"]
    ]
    return parse_schema(schema.document | {"stored": stored})


def slots_under(schema: LinkageSchema, digest: str, people: People) -> UInt64Array:
    """Slots of everybody's main identifiers under the keys of one digest, shape (records, slots)."""
    encoder = Encoder(schema, LinkageKeyProvider(LinkageKey.from_bytes(EVALUATION_KEY), digest))
    return encoder.slots(encoder.columns(people.identifiers))


def read_people(directory: Path) -> People:
    """The main identifiers of every usable record of a folder, in the order of `load_population`."""
    truth = read_truth(directory / "truth.csv")
    identifiers: list[Identifiers] = []
    person: list[str] = []
    for path in sorted(directory.iterdir()):
        if path.suffix.lower() in TABLES and path.name != "truth.csv":
            for record in read_caseload(path, today=DEFAULT_AS_OF).records:
                identifiers.append(record.identifiers[0])
                # A record the truth does not know is nobody else.
                person.append(truth.get((path.stem, record.local_id), f"?{len(person)}"))
    return People(identifiers, np.unique(person, return_inverse=True)[1].astype(np.int64))


def filter_values(filters: UInt8Array) -> UInt64Array:
    """Name filters as values to compare for equality, shape (n,); 0 where no bit is set."""
    values = [
        int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "big") if row.any() else 0
        for row in filters
    ]
    return np.asarray(values, dtype=np.uint64)


def measure(
    data: str, directory: Path, fields: str, *, with_f1: bool, known_people: int = KNOWN_PEOPLE
) -> Figures:
    """Measure one folder; `known_people` are whom the percolating attacker knows at the start."""
    schema = parse_fields(fields)
    population = load_population(
        directory, directory / "truth.csv", schema, with_probes=True, today=DEFAULT_AS_OF
    )
    people = read_people(directory)
    loose = loose_schema(schema)
    stored = slots_under(loose, schema.digest, people)
    register = register_of(slots_under(unconditional(loose), schema.digest, people), people.person)
    everybody = int(people.person.max()) + 1
    slots: list[SlotFigures] = []
    asked: list[SlotFigures] = []
    for at, slot in enumerate(loose.stored):
        column = stored[:, at]
        aligned = rank_alignment(column, register[:, at], rng=np.random.default_rng(SEED))
        is_stored = slot.slot_id in schema.slot_index
        f1 = f1_under(population, without_slot(schema, slot.slot_id)) if with_f1 and is_stored else None
        (slots if is_stored else asked).append(
            _figures(slot.slot_id, column, people, population, aligned, f1)
        )
        _say(f"{data}: {slot.slot_id}")
    slots.extend(_name_filter_figures(schema, population, people, with_f1=with_f1))
    asked.append(_bare(schema, people, population))
    known = np.zeros(everybody, np.bool_)
    known[np.random.default_rng(SEED).choice(everybody, min(known_people, everybody), replace=False)] = True
    halves = name_halves(schema, population)
    register = np.hstack([register, register_of(halves, people.person)])
    stored = np.hstack([stored, halves])
    percolation = {}
    for name, columns in _relations(len(schema.stored), len(loose.stored), stored.shape[1]).items():
        percolation[name] = Percolation(stored[:, columns], register[:, columns]).run(people.person, known)
        _say(f"{data}: percolation, {name}")
    baseline = f1_under(population, schema) if with_f1 else None
    return Figures(
        data, len(stored), everybody, int(known.sum()), baseline, tuple(slots), tuple(asked), percolation
    )


def _figures(
    slot_id: str,
    column: UInt64Array,
    people: People,
    population: Population,
    aligned: float | None,
    f1: float | None,
) -> SlotFigures:
    of_all, of_holders, _ = shares(column, people.person)
    records = np.arange(len(column))
    return SlotFigures(
        slot=slot_id,
        has_it=float((column != 0).mean()),
        strangers=of_all,
        strangers_of_holders=of_holders,
        recall_alone=recall_alone(column, records, people.person, population.true_pairs),
        rank_alignment=aligned,
        f1_without=f1,
    )


def _name_filter_figures(
    schema: LinkageSchema, population: Population, people: People, *, with_f1: bool
) -> Iterator[SlotFigures]:
    """The name filter as a whole and by halves: equal halves are equal birth date and equal name."""
    if schema.name_filter is None:
        return
    slot_id = schema.name_filter.slot_id
    f1 = f1_under(population, without_slot(schema, slot_id)) if with_f1 else None
    halves = name_halves(schema, population)
    whole = filter_values(_main_filters(population))
    yield _figures(slot_id, whole, people, population, None, f1)
    for half, name in enumerate(("forename", "surname")):
        yield _figures(f"{slot_id}, {name} half", halves[:, half], people, population, None, None)


def name_halves(schema: LinkageSchema, population: Population) -> UInt64Array:
    """Both halves of every record's name filter as values, shape (records, 2), or (records, 0) without."""
    filters = _main_filters(population)
    if schema.name_filter is None:
        return np.zeros((len(filters), 0), np.uint64)
    return np.stack([filter_values(half) for half in np.split(filters, 2, axis=1)], axis=1)


def _main_filters(population: Population) -> UInt8Array:
    """The name filter of every record's main token."""
    _, first = np.unique(population.tokens.record, return_index=True)
    return population.tokens.names[first]


def _relations(shipped: int, loose: int, everything: int) -> dict[str, list[int]]:
    """Which columns percolation may use, by what the index would store."""
    relations = {"shipped slots": list(range(shipped))}
    if everything > loose:
        relations["shipped slots and the halves of the name filter"] = [
            *range(shipped),
            *range(loose, everything),
        ]
    return relations | {"loose slots": list(range(loose))}


def _bare(schema: LinkageSchema, people: People, population: Population) -> SlotFigures:
    """Initials alone: the substitution cipher that composite slots avoid."""
    bare = parse_schema(schema.document | {"stored": _searched([BARE_SLOT]), "asked": []})
    column = slots_under(bare, schema.digest, people)
    register = register_of(column, people.person)
    aligned = rank_alignment(column[:, 0], register[:, 0], rng=np.random.default_rng(SEED))
    return _figures("I", column[:, 0], people, population, aligned, None)


def markdown(figures: Figures) -> str:
    """The table of one population."""
    lines = [
        f"{figures.data}: {figures.records:,} records of {figures.people:,} people; "
        f"best F1 with every slot {_optional(figures.best_f1)}.",
        "",
        "| slot | has it | strangers, all records | strangers, holders | recall alone | rank alignment "
        "| F1 without | change |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(_row(slot, figures.best_f1) for slot in figures.slots),
        *(_row(replace(slot, slot=f"not stored: {slot.slot}"), None) for slot in figures.asked_if_stored),
        "",
        f"| percolation from {figures.known_people:,} known people | opened rightly | wrongly | rounds |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {opened.right:.2%} | {opened.wrong:.2%} | {opened.rounds} |"
            for name, opened in figures.percolation.items()
        ),
    ]
    return "\n".join(lines)


def _optional(f1: float | None) -> str:
    return "-" if f1 is None else f"{f1:.4f}"


def _row(slot: SlotFigures, best: float | None) -> str:
    aligned = "-" if slot.rank_alignment is None else f"{slot.rank_alignment:.2%}"
    without, change = "-", "-"
    if slot.f1_without is not None and best is not None:
        without, change = f"{slot.f1_without:.4f}", f"{slot.f1_without - best:+.4f}"
    return (
        f"| {slot.slot} | {slot.has_it:.3f} | {slot.strangers:.4f} | {slot.strangers_of_holders:.4f} "
        f"| {slot.recall_alone:.4f} | {aligned} | {without} | {change} |"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Print the tables, then the same as one line of JSON."""
    parser = argparse.ArgumentParser(description="Exposure and accuracy of every stored slot.")
    parser.add_argument("--records", type=int, default=100_000, help="size of the county to make; 0 = none")
    parser.add_argument("--data", type=Path, action="append", default=[], help="a folder with truth.csv")
    parser.add_argument("--fields", default=FIELDS, help="what is shared")
    parser.add_argument("--known", type=int, default=KNOWN_PEOPLE, help="people the attacker knows")
    parser.add_argument("--exposure-only", action="store_true", help="leave out the linking runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sets = [(path.name, path) for path in arguments.data]
        if arguments.records:
            size = round(arguments.records / RECORDS_PER_PERSON)
            write_contract(generate(people=size, seed=SEED, with_conference=False), Path(folder))
            sets.insert(0, ("generated county", Path(folder)))
        found = [
            measure(
                name,
                path,
                arguments.fields,
                with_f1=not arguments.exposure_only,
                known_people=arguments.known,
            )
            for name, path in sets
        ]
    print("\n\n".join(markdown(figures) for figures in found))
    print()
    print(json.dumps([asdict(figures) for figures in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
