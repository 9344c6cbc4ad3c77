"""How alike the forenames of twins look: `python -m benchmarks.twin_names`.

Twins share birth date and surname, so the forename alone tells them apart. Pairs of different forenames are
drawn from the demonstration's frequencies (`cli.demo.names`), as given to children of one community and
decade, and graded by the shipped schema's filters. Prints the shares that
`matcher.lookups` holds as `TWIN_FORENAMES`. No record and no evaluation data are used.
"""

from __future__ import annotations

import random

import numpy as np

from cli.demo.names import draw_community, draw_forename
from cli.evaluation_data import evaluation_encoder
from matcher.patterns import FORENAME_LEVELS, forename_level, grade_of
from matcher.schema import shipped_schema
from matcher.similarity import paired_dice
from node.identifiers import BirthDate, Identifiers
from node.names import normalise_name
from node.sounds import forename_sound

PAIRS, SEED = 50_000, 5
FIRST_YEAR, LAST_YEAR = 1940, 2008
# Identical twins are a third and of one sex, as are half of the others.
SAME_SEX = 2 / 3
# As in the demonstration's county (`cli.demo.people`): parents like names that begin alike.
BEGIN_ALIKE = 0.5
DRAWS = 50


def main() -> None:
    """Print the share of every grade."""
    for level, share in shares().items():
        print(f"{level}: {share:.4f}")


def shares(*, pairs: int = PAIRS, seed: int = SEED) -> dict[str, float]:
    """Share of each level of `FORENAME_LEVELS` among different forenames of twins."""
    rng = random.Random(seed)
    drawn = [pair for _ in range(pairs) if (pair := _twins(rng)) is not None]
    halves = [_filters([pair[side] for pair in drawn]) for side in (0, 1)]
    begins = np.asarray([one[0] == two[0] for one, two in drawn])
    # Forms of one name were not drawn.
    level = forename_level(grade_of(paired_dice(*halves)), sound=np.zeros_like(begins), begins=begins)
    counts = np.bincount(level, minlength=len(FORENAME_LEVELS))
    return dict(zip(FORENAME_LEVELS, (counts / counts.sum()).tolist(), strict=True))


def _twins(rng: random.Random) -> tuple[str, str] | None:
    """Two forenames; None where they begin otherwise than wanted, or nobody would give both."""
    community, year = draw_community(rng), rng.randint(FIRST_YEAR, LAST_YEAR)
    sex = rng.choice("MF")
    other = sex if rng.random() < SAME_SEX else "MF".replace(sex, "")
    alike = rng.random() < BEGIN_ALIKE
    one = _forename(rng, community, sex, year)
    for _ in range(DRAWS):
        two = _forename(rng, community, other, year)
        if forename_sound(one) != forename_sound(two) and (not alike or one[0] == two[0]):
            return one, two
    return None


def _forename(rng: random.Random, community: str, sex: str, year: int) -> str:
    return normalise_name(draw_forename(rng, community=community, sex=sex, birth_year=year)) or "-"


def _filters(forenames: list[str]) -> np.ndarray:
    encoder = evaluation_encoder(shipped_schema(["dob", "names"]))
    born = BirthDate(1980, 5, 17)
    people = [Identifiers(birth=born, forename=name, surname=name) for name in forenames]
    filters = encoder.names(people, encoder.columns(people))
    return filters[:, : filters.shape[1] // 2]


if __name__ == "__main__":
    main()
