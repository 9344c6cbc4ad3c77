"""The weights of an answer as a picture: a file by itself that says in text all that it shows."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from node.answers import AnswerWord, Evidence, EvidenceStep, name_weights
from node.charts import Bar, standalone, waterfall_chart
from node.errors import RecordFormatError
from node.lookups import AgencyAnswer
from node.waterfalls import draw_answer, draw_evidence

SVG = "{http://www.w3.org/2000/svg}"
EVIDENCE = Evidence(
    0.973,
    -9.5,
    (
        EvidenceStep("identity", "date=exact names=same/close seen=stored", 17.2),
        EvidenceStep("sex", "differ", -4.1),
        EvidenceStep("rivals", "others", -0.25),
    ),
)
ANSWER = AgencyAnswer(
    "probation",
    'Probation <service> & "others"',
    AnswerWord.KNOWN,
    evidence={
        "format": "evidence/1",
        "posterior": "0.973",
        "prior": "-9.50",
        "designation": "link",
        "steps": [
            {
                "comparison": "identity",
                "level": "date=exact initials=both sounds=none whole",
                "weight": "17.20",
            },
            {"comparison": "gait", "level": "<b>brisk</b>", "weight": "-0.50"},
        ],
    },
)


def drawn(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode("utf-8"))


def picture(evidence: Evidence = EVIDENCE) -> str:
    return draw_evidence(evidence, title="Weights", certain="that the agency knows the person")


def bars(root: ElementTree.Element) -> list[tuple[float, float, str]]:
    """Left edge, width and fill of every bar, in order."""
    boxes = [box for box in root.iter(f"{SVG}rect") if "x" in box.attrib]
    return [(float(b.attrib["x"]), float(b.attrib["width"]), b.attrib["fill"]) for b in boxes]


def test_every_step_stands_there_in_words_with_its_weight() -> None:
    texts = [text.text or "" for text in drawn(picture()).iter(f"{SVG}text")]
    said = " ".join(texts)
    for name, weight in name_weights(EVIDENCE):
        assert name in said
        assert f"{weight:+.2f}" in texts
    for step in EVIDENCE.steps:
        assert step.words in said
    assert f"{EVIDENCE.prior + EVIDENCE.total_weight:+.2f}" in texts


def test_each_bar_begins_where_the_one_before_ended_and_the_last_is_their_sum() -> None:
    found = bars(drawn(picture()))
    weights = [weight for _, weight in name_weights(EVIDENCE)]
    scale = found[0][1] / abs(weights[0])
    zero = found[0][0] + found[0][1]  # The prior speaks against: its bar ends at zero.
    end = 0.0
    for (left, width, _), weight in zip(found, weights, strict=False):
        assert left == pytest.approx(zero + min(end, end + weight) * scale, abs=0.2)
        assert width == pytest.approx(abs(weight) * scale, abs=0.2)
        end += weight
    left, width, _ = found[-1]
    assert left == pytest.approx(zero, abs=0.2)
    assert width == pytest.approx(end * scale, abs=0.2)


def test_what_speaks_against_is_hatched_and_not_only_of_another_colour() -> None:
    root = drawn(picture())
    (hatch,) = root.iter(f"{SVG}pattern")
    fills = [fill == f"url(#{hatch.attrib['id']})" for _, _, fill in bars(root)]
    assert fills == [True, False, True, True, False]


def test_the_picture_has_a_title_and_a_description_that_are_its_name() -> None:
    root = drawn(picture())
    named = {
        child.attrib["id"]: child.text or "" for child in root if child.tag in (f"{SVG}title", f"{SVG}desc")
    }
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == list(named)
    title, description = named.values()
    assert title == "Weights"
    assert "0.973" in description and "bits" in description


def test_the_file_loads_nothing_and_is_the_same_every_time() -> None:
    text = picture()
    assert text == picture()
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" ')
    assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg\")|href|<script|<image|@import", text)
    assert set(re.findall(r"url\((.)", text)) == {"#"}


def test_names_and_unknown_levels_are_escaped() -> None:
    text = draw_answer([ANSWER])
    assert "<service>" not in text and "<b>" not in text
    root = drawn(text)
    assert root.findtext(f"{SVG}title") == f"{ANSWER.name}: Known"
    assert any("<b>brisk</b>" in (element.text or "") for element in root.iter(f"{SVG}text"))


def test_an_answer_is_drawn_with_the_weights_it_came_with() -> None:
    text = draw_answer([replace(ANSWER, evidence=None, word=AnswerWord.NOT_ASKED), ANSWER])
    texts = [element.text for element in drawn(text).iter(f"{SVG}text")]
    assert {"-9.50", "+17.20", "-0.50", "+7.20"} <= set(texts)


@pytest.mark.parametrize(
    ("answers", "rule"),
    [
        pytest.param([replace(ANSWER, evidence=None)], "no evidence", id="no evidence"),
        pytest.param([ANSWER, replace(ANSWER, agency="hpft")], "choose one", id="two agencies' evidence"),
        pytest.param([], "no evidence", id="no answer"),
    ],
)
def test_a_picture_is_of_one_answer_with_evidence(answers: list[AgencyAnswer], rule: str) -> None:
    with pytest.raises(RecordFormatError, match=rule):
        draw_answer(answers)


@pytest.mark.parametrize(
    "weights",
    [
        pytest.param([], id="no bars"),
        pytest.param([0.0, 0.0], id="nothing weighs anything"),
        pytest.param([-3.0, -4.0], id="all against"),
        pytest.param([5.0, 1e-9, 2.0], id="all for"),
    ],
)
def test_bars_stay_inside_the_picture(weights: list[float]) -> None:
    chart = waterfall_chart(
        "w", title="t", description="d", bars=[Bar("b", w, f"{w:+.2f}") for w in weights], total="sum"
    )
    root = drawn(standalone(chart))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert height > 0
    for left, length, _ in bars(root):
        assert 0 <= left <= left + length <= width
