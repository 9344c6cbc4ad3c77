"""The weights of an answer or a pair as a picture: in a page, or as an SVG file that stands alone."""

from __future__ import annotations

from collections.abc import Sequence

from node.answers import Evidence, format_posterior, name_weights
from node.charts import Bar, Markup, standalone, waterfall_chart
from node.errors import RecordFormatError
from node.known_to import CERTAIN
from node.lookups import AgencyAnswer


def draw_answer(answers: Sequence[AgencyAnswer]) -> str:
    """The evidence of the one answer among these that has any, as an SVG file.

    Raises:
        RecordFormatError: None of the answers has evidence, or several have.
    """
    found = [(answer, evidence) for answer in answers if (evidence := answer.explain()) is not None]
    if not found:
        raise RecordFormatError("look-up", "there is no evidence to draw", field="agency")
    if len(found) > 1:
        raise RecordFormatError("look-up", "several agencies' evidence: choose one", field="agency")
    ((answer, evidence),) = found
    return draw_evidence(evidence, title=f"{answer.name}: {answer.word}", certain=CERTAIN)


def draw_evidence(evidence: Evidence, *, title: str, certain: str) -> str:
    """Evidence as an SVG file, for those who keep it; the arguments are those of `chart_evidence`."""
    return standalone(chart_evidence(evidence, title=title, certain=certain))


def chart_evidence(evidence: Evidence, *, title: str, certain: str) -> Markup:
    """Evidence as markup for a page: a bar for the prior and every step, and their sum.

    Args:
        evidence: What speaks for and against.
        title: What it is the evidence of; no reference and no name, for files are passed on.
        certain: What the posterior is the probability of, such as `that the agency knows the person`.
    """
    likely = format_posterior(evidence.posterior)
    words = ["", *(step.words for step in evidence.steps)]
    bars = [
        Bar(f"{name}: {said}" if said else name, weight, f"{weight:+.2f}")
        for (name, weight), said in zip(name_weights(evidence), words, strict=True)
    ]
    return waterfall_chart(
        "waterfall",
        title=title,
        description=(
            "Weight of evidence in bits. Each bar begins where the one before ended; full bars to the right "
            f"speak for, hatched bars to the left against. Probability {certain}: {likely}."
        ),
        bars=bars,
        total="together, in bits",
    )
