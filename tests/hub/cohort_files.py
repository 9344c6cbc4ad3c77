"""Rule files of cohorts: the shipped ones as text, and drawn ones with any options a rule takes."""

from __future__ import annotations

from importlib import resources

from hypothesis import strategies as st

from hub.cohort_rules import OPTIONS

SHIPPED_FILES = resources.files("hub").joinpath("data/cohorts")
KINDS = ("housing", "police", "mental_health", "domestic_abuse")
AREAS = ("dacorum", "watford", "stevenage")
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
