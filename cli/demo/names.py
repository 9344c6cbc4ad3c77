"""Names for synthetic people: how common a name is depends on sex, birth decade and community.

The tables beside this module were drawn up for this project from what is publicly known of name rankings in
England and Wales (ONS rankings of baby names by decade, published surname rankings). They are approximations
and no copy of any of them. A level is a digit: 0 is not given in that decade, each step up is `LEVEL_RATIO`
times as common. Surnames are listed from the most common down and weighed by rank. Rare names are built from
syllables, so that the share of people with a rare name is realistic and no list of real rare names is needed.
"""

import csv
import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import accumulate
from typing import TypeVar

Item = TypeVar("Item")

FIRST_DECADE = 1940
DECADES = 7
LEVEL_RATIO = 1.7

COMMUNITIES = {
    "british": 0.81,
    "south-asian": 0.06,
    "east-european": 0.06,
    "african": 0.05,
    "middle-eastern": 0.02,
}

# Shares of people whose name is on no list. For surnames: the 300 most common cover about a third of the
# population of England and Wales, and "british" here includes long-settled families of every origin.
RARE_FORENAME_SHARE = 0.07
RARE_SURNAME_SHARES = {
    "british": 0.60,
    "south-asian": 0.25,
    "east-european": 0.45,
    "african": 0.45,
    "middle-eastern": 0.35,
}

# Rank law w(r) = 1 / (r + offset) ** exponent: Smith 1.4 % of everybody, the hundredth name a tenth of that.
_SURNAME_OFFSET, _SURNAME_EXPONENT = 1.0, 0.75

_FORENAME_STARTS = (
    "Ja Ka Ty Bri Sha La Mar Ke De Zay Ro Al El Ar Da Na Co Mi Ta Je Ry Lo Ca Be Har Wil Ed Am Jo Ra".split()
)
_FORENAME_ENDS = {
    "M": "den lan ron vin ric den son mond kell vaughn rick shaun del mar ton ren gan cus".split(),
    "F": "la na sha lyn ra issa ley belle mina leen rina lise nita vina delle rah ria dia".split(),
}
_SURNAME_STARTS = {
    "british": (
        "Ash Black Brad Burn Chat Clay Cold Crow Dray East Elm Fair Farn Gar Good Had Hart Hazel Hather Hol"
        " Kel Lang Led Lin Long Mar May Mel Mort Net New Nor Oak Ox Pad Pen Pick Prest Rad Raven Red Rock Row"
        " Rush Sal Sand Sed Shel Sil Stan Staple Stoke Sut Thor Tod Up Wal War Wet Whit Wig Win Wol Wy"
    ).split(),
    "south-asian": "Bal Bha Cha Dar Far Gul Har Jag Kal Lal Man Nas Par Raj Sar Tar Var Zah".split(),
    "east-european": "Bor Dob Gra Jas Kal Kow Lis Maj Nov Ost Pal Rad Sob Sta Tom Urb Wro Zab Zim".split(),
    "african": "Ade Aki Bam Chi Dan Ebo Fola Gye Ife Kwa Mab Nwa Odu Olu Sow Tam Uche Wan Yeb Zul".split(),
    "middle-eastern": "Abd Akb Bak Far Ghaz Had Jam Kar Mans Nad Qas Rah Sad Tah Wah Yaz Zam".split(),
}
_SURNAME_ENDS = {
    "british": (
        "ford ley ton wood worth by combe field ham well stead gate shaw hurst croft bourne thorpe wick"
        " er erson ing man ridge bury brook lock land cott dale burn ell ett den more"
    ).split(),
    "south-asian": "deep want jit want pal wal war mani kar shi ani wala das ria".split(),
    "east-european": "inski owski czyk ak escu eanu ov ev ko enko ic as auskas iewicz ek".split(),
    "african": "yemi wale ku mba ngo do wa nte ana ama eze bola tunde koro".split(),
    "middle-eastern": "ani awi zadeh pour ullah oui ari avi ian yar".split(),
}
_RARE_MIDDLES = ("", "", "", "en", "er", "ing")


@dataclass(frozen=True, slots=True)
class _Weighted:
    """Values with cumulative weights; one `random()` a draw: a seed means the same on every Python."""

    values: tuple[str, ...]
    cumulative: tuple[float, ...] = field(repr=False)

    @classmethod
    def of(cls, values: Sequence[str], weights: Sequence[float]) -> "_Weighted":
        return cls(tuple(values), tuple(accumulate(weights)))

    def draw(self, rng: random.Random) -> str:
        return self.values[bisect(self.cumulative, rng.random() * self.cumulative[-1])]


def _rows(name: str) -> list[dict[str, str]]:
    text = files("cli.demo").joinpath("data", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def _forenames() -> dict[tuple[str, str, int], _Weighted]:
    lists: dict[tuple[str, str, int], tuple[list[str], list[float]]] = {}
    for row in _rows("forenames.csv"):
        for decade, level in enumerate(map(int, row["levels"])):
            if level:
                names, weights = lists.setdefault((row["community"], row["sex"], decade), ([], []))
                names.append(row["forename"])
                weights.append(LEVEL_RATIO**level)
    return {key: _Weighted.of(*value) for key, value in lists.items()}


@cache
def _surnames() -> dict[str, _Weighted]:
    lists: dict[str, list[str]] = {}
    for row in _rows("surnames.csv"):
        lists.setdefault(row["community"], []).append(row["surname"])
    return {
        community: _Weighted.of(
            names, [(rank + _SURNAME_OFFSET) ** -_SURNAME_EXPONENT for rank in range(1, len(names) + 1)]
        )
        for community, names in lists.items()
    }


@cache
def _variants(kind: str) -> dict[str, tuple[str, ...]]:
    return {row["name"]: tuple(row["others"].split()) for row in _rows("variants.csv") if row["kind"] == kind}


_COMMUNITY = _Weighted.of(list(COMMUNITIES), list(COMMUNITIES.values()))


def draw_community(rng: random.Random) -> str:
    """One of `COMMUNITIES`, by share."""
    return _COMMUNITY.draw(rng)


def draw_forename(rng: random.Random, *, community: str, sex: str, birth_year: int) -> str:
    """A forename of that community and sex (`M` or `F`), as common as it was in the decade of birth."""
    if rng.random() < RARE_FORENAME_SHARE:
        return pick(_FORENAME_STARTS, rng) + pick(_FORENAME_ENDS[sex], rng)
    decade = min(max((birth_year - FIRST_DECADE) // 10, 0), DECADES - 1)
    return _forenames()[community, sex, decade].draw(rng)


def draw_surname(rng: random.Random, *, community: str) -> str:
    """A surname of that community; a rare one with the community's share of rare names."""
    if rng.random() < RARE_SURNAME_SHARES[community]:
        middle = pick(_RARE_MIDDLES, rng)
        return pick(_SURNAME_STARTS[community], rng) + middle + pick(_SURNAME_ENDS[community], rng)
    return _surnames()[community].draw(rng)


def nicknames(forename: str) -> tuple[str, ...]:
    """What people called that are also called; empty where nothing is usual."""
    return _variants("nickname").get(forename, ())


def spellings(name: str, *, kind: str) -> tuple[str, ...]:
    """Other spellings in use of a name; `kind` is `forename` or `surname`."""
    return _variants(kind).get(name, ())


def pick(values: Sequence[Item], rng: random.Random) -> Item:
    """One of the values, each as likely, by exactly one `random()`."""
    return values[int(rng.random() * len(values))]
