"""The evaluation report: one HTML file that needs nothing else, with a table beside every chart.

It holds counts, shares and parameters: no record, no local id, no row, no name of a file. What a chart shows
stands in its table too, so that nothing is told by a picture alone. Text becomes markup in
`node.charts.element` and nowhere else.
"""

from __future__ import annotations

import numpy as np

from cli.evaluation_pairs import LinkedFiles, compare_clusters
from cli.report_page import build_page, section, table
from matcher import evaluation
from matcher.candidates import LARGEST_GROUP, equal_pairs
from matcher.model import COMPARISONS
from matcher.model_tables import identity_alone
from matcher.patterns import PATTERN_SHAPE, identity_id, pattern_levels
from matcher.tokens import BoolArray, FloatArray, IntArray
from matcher.weights import match_weight
from node.answers import words_of_level
from node.charts import Bar, Markup, Series, bar_chart, element, join, line_chart

THRESHOLDS = (0.01, 0.02, *(step / 20 for step in range(1, 20)), 0.98, 0.99)
DECISION = 0.5
CURVE_POINTS = 200
CURVE_PRECISIONS = (0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.5)
SHOWN_LEVELS, SHOWN_ERRORS = 20, 15


def build_report(measured: LinkedFiles) -> str:
    """The whole page."""
    sections = [
        _summary(measured),
        _precision_recall(measured),
        _thresholds(measured),
        _calibration(measured),
        _weights(measured),
        _errors(measured, missed=False),
        _errors(measured, missed=True),
        _coverage(measured),
    ]
    return build_page("Evaluation report - Known To", sections)


def _summary(measured: LinkedFiles) -> Markup:
    population, posterior = measured.population, measured.posterior
    best = evaluation.best_f1(posterior, measured.is_match, population.true_pairs)
    clusters = compare_clusters(measured)
    asked = "stored slots and probes" if measured.with_probes else "stored slots alone"
    rows = [
        ("Fields", ", ".join(population.schema.fields)),
        ("Compared", asked),
        ("Agencies", f"{len(population.agencies)}"),
        ("Rows", f"{population.rows:,}"),
        ("True pairs", f"{population.true_pairs:,}"),
        ("Candidate pairs", f"{len(posterior):,}"),
        ("Best F1", f"{best.measure.f1:.4f} at posterior {best.threshold:.4f}"),
        ("F1 after clustering", f"{clusters['pairs']['f1']:.4f}"),
        ("F1 of connected components", f"{clusters['connected_components']['f1']:.4f}"),
        ("Expected calibration error", f"{_ece(measured):.4f}"),
        ("Brier score", f"{evaluation.brier_score(posterior, measured.is_match):.6f}"),
        ("EM", "converged" if measured.run.fit.converged else "reached its iteration limit"),
    ]
    note = (
        "Records were encoded under a fixed key and linked on this machine. This page holds counts and "
        "parameters, and no record; counts of few pairs are exact, so treat it as you treat the files."
    )
    listed = table("What was measured", ("measure", "value"), rows)
    return join([element("h1", "Evaluation report"), element("p", note), listed])


def _precision_recall(measured: LinkedFiles) -> Markup:
    thresholds, precision, recall = evaluation.precision_recall_curve(
        measured.posterior, measured.is_match, measured.population.true_pairs
    )
    points = [(float(recall[n]), float(precision[n])) for n in _spread(recall, CURVE_POINTS)]
    at_99 = evaluation.recall_at_precision(
        measured.posterior, measured.is_match, measured.population.true_pairs, 0.99
    )
    said = f"Recall is {at_99:.4f} at the lowest threshold that still has precision 0.99."
    chart = line_chart(
        "precision-recall",
        title="Precision against recall",
        description=said,
        x_label="recall",
        y_label="precision",
        series=[Series("pairs", points)],
    )
    rows = []
    for wanted in CURVE_PRECISIONS:
        good = np.flatnonzero(precision >= wanted)
        if len(good):
            at = int(good[-1])  # Thresholds fall, so the last one has the highest recall.
            shown = (f"{precision[at]:.4f}", f"{recall[at]:.4f}", f"{thresholds[at]:.6f}")
            rows.append((f"at least {wanted}", *shown))
    columns = ("precision wanted", "precision", "recall", "posterior at least")
    listed = table("Highest recall at a precision", columns, rows)
    return section("Precision and recall", said, chart, listed)


def _thresholds(measured: LinkedFiles) -> Markup:
    found = [
        evaluation.measure(measured.posterior >= t, measured.is_match, measured.population.true_pairs)
        for t in THRESHOLDS
    ]
    half = found[THRESHOLDS.index(DECISION)]
    said = (
        f"At posterior {DECISION}, which needs no truth: precision {half.precision:.4f}, "
        f"recall {half.recall:.4f}, F1 {half.f1:.4f}."
    )
    chart = line_chart(
        "thresholds",
        title="Precision, recall and F1 against the threshold on the posterior",
        description=said,
        x_label="posterior from which pairs are linked",
        y_label="measure",
        series=[
            Series(name, [(t, getattr(one, name)) for t, one in zip(THRESHOLDS, found, strict=True)])
            for name in ("precision", "recall", "f1")
        ],
    )
    rows = [
        (f"{t:.2f}", f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}")
        for t, one in zip(THRESHOLDS, found, strict=True)
    ]
    listed = table("By threshold", ("posterior at least", "precision", "recall", "F1"), rows)
    return section("Threshold", said, chart, listed)


def _calibration(measured: LinkedFiles) -> Markup:
    bins = evaluation.calibration_bins(measured.posterior, measured.is_match)
    least = evaluation.SMALLEST_COUNTED_POSTERIOR
    said = (
        f"Expected calibration error {_ece(measured):.4f}, over pairs with posterior {least} and above. "
        "On the dotted line, predicted and observed shares agree; the number beside a mark counts its pairs."
    )
    chart = line_chart(
        "calibration",
        title="Observed share of matches against the predicted one",
        description=said,
        x_label="mean posterior",
        y_label="share that is one person",
        series=[
            Series(
                "bins",
                [(one.predicted, one.observed) for one in bins],
                marked=True,
                labels=[f"{one.count:,}" for one in bins],
            )
        ],
        diagonal=True,
    )
    rows = [
        (
            f"{one.predicted:.4f}",
            f"{one.observed:.4f}",
            f"{one.predicted - one.observed:+.4f}",
            f"{one.count:,}",
        )
        for one in bins
    ]
    listed = table("Bins", ("mean posterior", "observed", "difference", "pairs"), rows)
    return section("Calibration", said, chart, listed)


def _weights(measured: LinkedFiles) -> Markup:
    levels = _identity_weights(measured) + _other_weights(measured)
    said = (
        "Weight of evidence in bits, log2(m/u): above 0 speaks for one person, below 0 against. Identity "
        f"levels are the {SHOWN_LEVELS} that most candidate pairs show, weighed where nothing else can be "
        "compared; joint patterns that were counted have weights of their own."
    )
    chart = bar_chart(
        "weights",
        title="Weight of every level in bits",
        description=said,
        bars=[Bar(words, weight, f"{weight:+.2f}") for words, _, _, weight in levels],
    )
    rows = [(words, f"{m:.3g}", f"{u:.3g}", f"{weight:+.2f}") for words, m, u, weight in levels]
    listed = table("Levels", ("level", "m", "u", "weight (bits)"), rows)
    return section("Weights of the model", said, chart, listed, wide=True)


def _identity_weights(measured: LinkedFiles) -> list[tuple[str, float, float, float]]:
    found, counts = np.unique(
        measured.run.pairs.pattern // int(np.prod(PATTERN_SHAPE[1:])), return_counts=True
    )
    usual = found[np.argsort(-counts, kind="stable")][:SHOWN_LEVELS].tolist()
    m, u = measured.run.fit.model.probabilities(
        np.asarray([identity_alone(code) for code in usual], np.int64)
    )
    rows = [
        (words_of_level("identity", identity_id(code)), *_weighed(float(m[n]), float(u[n])))
        for n, code in enumerate(usual)
    ]
    return sorted(rows, key=lambda row: -row[-1])


def _other_weights(measured: LinkedFiles) -> list[tuple[str, float, float, float]]:
    shared = [name for name in COMPARISONS if name in measured.population.schema.fields]
    model = measured.run.fit.model
    return [
        (words_of_level(name, level), *_weighed(p.m, p.u))
        for name in shared
        for level, p in model.levels[name].items()
    ]


def _weighed(m: float, u: float) -> tuple[float, float, float]:
    return m, u, match_weight(m, u)


def _errors(measured: LinkedFiles, *, missed: bool) -> Markup:
    linked = measured.posterior >= DECISION
    wrong = (~linked & measured.is_match) if missed else (linked & ~measured.is_match)
    rows = _by_pattern(measured.run.pairs.pattern, wrong)
    total = sum(count for _, count in rows)
    if missed:
        unmet, unusable = measured.never_candidates
        rows += [("both rows usable, never candidates: nothing shared", unmet)]
        rows += [("a row that could not be used, or in no table", unusable)]
        said = (
            f"{total + unmet + unusable:,} true pairs were not linked at posterior {DECISION}: {total:,} "
            f"were compared and weighed too little, {unmet:,} never became candidates, and of {unusable:,} a "
            "row could not be used."
        )
    else:
        said = f"{total:,} pairs were linked at posterior {DECISION} that are not one person."
    kind = "Missed pairs" if missed else "False links"
    chart = bar_chart(
        "missed" if missed else "false",
        title=f"{kind} by what agreed and differed",
        description=said,
        bars=[Bar(words, float(count), f"{count:,}") for words, count in rows],
    )
    listed = table(kind, ("what agreed and differed", "pairs"), [(words, f"{n:,}") for words, n in rows])
    return section(kind, said, chart, listed, wide=True)


def _by_pattern(patterns: IntArray, wrong: BoolArray) -> list[tuple[str, int]]:
    """Patterns of the wrong pairs in words, most frequent first, the rest in one row."""
    codes, counts = np.unique(patterns[wrong], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rows = [(pattern_words(int(codes[n])), int(counts[n])) for n in order[:SHOWN_ERRORS]]
    rest = int(counts[order[SHOWN_ERRORS:]].sum())
    return [*rows, ("other patterns", rest)] if rest else rows


def pattern_words(code: int) -> str:
    """A joint pattern in words, for people who read no codes."""
    levels = pattern_levels(code)
    said = [words_of_level("identity", levels["identity"])]
    said += [words_of_level(name, levels[name]) for name in COMPARISONS if levels[name] != "absent"]
    return "; ".join(words for words in said if words)


def _coverage(measured: LinkedFiles) -> Markup:
    population = measured.population
    records = max(population.tokens.record_count, 1)
    rows, bars = [], []
    for index, slot in enumerate(population.schema.stored):
        values = population.tokens.slots[:, index]
        share = len(np.unique(population.tokens.record[values != 0])) / records
        left_out = equal_pairs(values)[2] if slot.search else 0
        made_of = " and ".join(name.replace("_", " ") for name in slot.inputs)
        bars.append(Bar(f"{slot.slot_id}: {made_of}", share, f"{share:.1%}"))
        rows.append(
            (f"{slot.slot_id}: {made_of}", f"{share:.1%}", f"{left_out:,}" if slot.search else "not searched")
        )
    said = (
        "Share of usable records that have each stored slot. A value shared by more than "
        f"{LARGEST_GROUP} tokens is left out of the search, never out of the comparison."
    )
    chart = bar_chart("coverage", title="Share of records with each stored slot", description=said, bars=bars)
    listed = table("Slots", ("slot", "records", "values left out of the search"), rows)
    return section("Coverage of slots", said, chart, listed, wide=True)


def _spread(values: FloatArray, count: int) -> IntArray:
    """Indexes of at most `count` values, spread evenly over their range, ends included."""
    if not len(values):
        return np.zeros(0, np.int64)
    wanted = np.linspace(values[0], values[-1], count)
    return np.unique(np.minimum(np.searchsorted(values, wanted), len(values) - 1)).astype(np.int64)


def _ece(measured: LinkedFiles) -> float:
    return evaluation.expected_calibration_error(measured.posterior, measured.is_match)
