"""Cohort membership a second time, written from docs/cohorts.md: one set of months after the other."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

from hub.cohort_members import Stay


def is_member(text: str, stays: Sequence[Stay], at: int) -> bool:
    """Read the TOML itself and walk through the months one by one."""
    rule = tomllib.loads(text)
    known = [stay for stay in stays if stay.first is None or stay.first <= at]
    return bool(known) and all(holds(entry, rule, known, at) for entry in rule["require"])


def holds(entry: dict, rule: dict, stays: Sequence[Stay], at: int) -> bool:
    kind = entry["rule"]
    if kind == "status":
        if any(stay.open for stay in stays):
            return entry["status"] == "open"
        return entry["status"] == "closed" and not any(stay.open is None for stay in stays)
    if kind == "first_seen":
        firsts = {stay.first for stay in stays}
        if firsts == {None} or (None in firsts and "at_most_months_ago" in entry):
            return False
        return between(at - min(firsts - {None}), entry, "at_least_months_ago", "at_most_months_ago")
    if kind == "last_seen":
        lasts = {stay.last if stay.last is None else min(stay.last, at) for stay in stays}
        if lasts == {None} or (None in lasts and "at_least_months_ago" in entry):
            return False
        return between(at - max(lasts - {None}), entry, "at_least_months_ago", "at_most_months_ago")
    if kind in ("longest_gap", "returns") and any(None in (stay.first, stay.last) for stay in stays):
        return False
    months = [] if kind not in ("longest_gap", "returns") else seen_in(stays, at)
    away = holes(months) if months else []
    if kind == "longest_gap":
        return between(max([len(hole) for hole in away], default=0), entry, "at_least", "at_most")
    if kind == "returns":
        long = [hole for hole in away if len(hole) >= entry["gap_months"]]
        recent = [hole for hole in long if at - (hole[-1] + 1) <= entry.get("within_months", 10**6)]
        return len(recent) >= entry["at_least"]
    counted = set()
    for stay in stays:
        if "status" in entry and stay.open not in ([True] if entry["status"] == "open" else [False]):
            continue
        if "within_months" in entry and (stay.last is None or stay.last < at - entry["within_months"]):
            continue
        counted |= names(stay, kind, rule) - {None}
    return len(counted & set(entry["of"]) if "of" in entry else counted) >= entry.get("at_least", 1)


def seen_in(stays: Sequence[Stay], at: int) -> list[int]:
    """Every month in which somebody saw the person."""
    return sorted({month for stay in stays for month in range(stay.first, min(stay.last, at) + 1)})


def names(stay: Stay, kind: str, rule: dict) -> set[str]:
    """What a stay counts as, for the rules that count different things."""
    if kind == "kinds":
        return {stay.kind}
    if kind == "areas":
        return {stay.area}
    if kind == "domains":
        return {name for name in rule["domains"] if stay.kind in rule["domains"][name]}
    return {name for name in rule["sub_regions"] if stay.area in rule["sub_regions"][name]}


def holes(months: Sequence[int]) -> list[list[int]]:
    """The runs of months between the first and the last in which nobody saw the person."""
    found: list[list[int]] = []
    for month in range(months[0], months[-1]):
        if month in months:
            found.append([])
        else:
            found[-1].append(month)
    return [hole for hole in found if hole]


def between(value: int, entry: dict, low: str, high: str) -> bool:
    return entry.get(low, 0) <= value <= entry.get(high, 10**6)
