"""`knownto evaluate report`: one file by itself, a table beside each chart, and nobody in it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cli.demo.files import write_contract
from cli.demo.generator import generate
from cli.evaluation_report import pattern_words
from cli.main import knownto
from matcher.patterns import PATTERN_SHAPE
from node.charts import BLUE, GREEN, INK, RUST, Bar, Markup, Series, bar_chart, element, join, line_chart

FIELDS = "dob,names,chain,sex,area"
VOID = {"meta"}
CHARTS = {
    "precision-recall",
    "thresholds",
    "calibration",
    "weights",
    "false",
    "missed",
    "coverage",
}


class Page(HTMLParser):
    """A page read strictly: tags must nest, and what tests ask about is kept."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: list[list[str]] = []
        self.texts: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.sections.append([])
        if "section" in self.open:
            self.sections[-1].append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1].append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight agencies of 500 made-up people."""
    directory = tmp_path_factory.mktemp("folder")
    write_contract(generate(people=500, seed=3, with_conference=False), directory)
    return directory


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(knownto, ["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def text(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report") / "report.html"
    result = run("report", folder, "--truth", "truth.csv", "--fields", FIELDS, "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    return out.read_text("utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_page_is_well_formed_and_in_a_language(page: Page) -> None:
    assert page.open == []
    assert dict(page.tags)["html"] == {"lang": "en"}


def test_nothing_is_loaded_and_nothing_runs(page: Page, text: str) -> None:
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "use", "image", "base", "form"}
    for _, attributes in page.tags:
        assert not {name for name in attributes if name in ("href", "src", "action") or name.startswith("on")}
    assert not re.search(r"https?:|//[a-z]|@import|javascript:", text)
    # Paint servers of this page are the only references.
    assert set(re.findall(r"url\((.)", text)) == {"#"}
    policies = [attributes["content"] for _, attributes in page.tags if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_every_chart_has_a_title_and_a_description(text: str) -> None:
    charts = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(charts) == len(CHARTS)
    for chart in charts:
        drawn = ElementTree.fromstring(chart)
        named = {child.attrib["id"]: child.text for child in drawn if child.tag in ("title", "desc")}
        assert drawn.attrib["role"] == "img"
        assert drawn.attrib["aria-labelledby"].split() == list(named)
        assert len(named) == 2 and all(named.values())


def test_every_chart_stands_beside_a_table(page: Page) -> None:
    charted = [section for section in page.sections if "svg" in section]
    assert len(charted) == len(CHARTS)
    for section in charted:
        assert section.count("svg") == section.count("table") == section.count("caption") == 1
        assert section.count("tr") >= 2


def test_every_id_occurs_once(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {f"{chart}-title" for chart in CHARTS} <= set(ids)


def test_nobody_is_in_it(folder: Path, tmp_path: Path) -> None:
    canary = {"local_id": "loc-77123", "dob": "1947-11-29", "forename": "Zyxquorn", "surname": "Vlimpfast"}
    canary |= {"chain": "98761234", "sex": "F", "area": "quaggmire"}
    for path in folder.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for agency in ("secretplace", "otherplace"):
        text = ",".join(canary) + "\n" + ",".join(canary.values()) + "\n"
        (tmp_path / f"{agency}.csv").write_text(text, "utf-8")
    with (tmp_path / "truth.csv").open("a", encoding="utf-8") as file:
        file.write("secretplace,loc-77123,person-canary\notherplace,loc-77123,person-canary\n")
    out = tmp_path / "report.html"
    result = run("report", tmp_path, "--fields", FIELDS, "--out", out)
    assert result.exit_code == 0, result.output
    written = (out.read_text("utf-8") + result.output).lower()
    hidden = [*canary.values(), "29/11/1947", "secretplace", "person-canary", str(tmp_path)]
    assert not [value for value in hidden if len(value) > 1 and value.lower() in written]


def test_the_figures_are_those_of_evaluate_pairs(folder: Path, page: Page) -> None:
    result = run("pairs", folder, "--truth", "truth.csv", "--fields", FIELDS, "--format", "json")
    measured = json.loads(result.stdout)
    rows = {row[0]: row[1:] for row in page.cells if row}
    half = measured["at_posterior_0.5"]
    expected = [f"{half[name]:.4f}" for name in ("precision", "recall", "f1")]
    assert ["0.50", *expected] in page.cells
    assert rows["Candidate pairs"] == [f"{measured['candidate_pairs']:,}"]
    assert rows["True pairs"] == [f"{measured['true_pairs']:,}"]
    assert rows["F1 after clustering"] == [f"{measured['clusters']['pairs']['f1']:.4f}"]
    connected = measured["clusters"]["connected_components"]["f1"]
    assert rows["F1 of connected components"] == [f"{connected:.4f}"]
    assert rows["Expected calibration error"] == [f"{measured['ece']:.4f}"]
    missed = measured["true_pairs"] * (1 - half["recall"])
    said = next(t for t in page.texts if "true pairs were not linked" in t)
    assert int(said.split()[0].replace(",", "")) == round(missed)
    counted = table_counts(page, "Missed pairs")
    assert sum(counted) == round(missed)
    linked = half["recall"] * measured["true_pairs"] / half["precision"] if half["precision"] else 0
    assert sum(table_counts(page, "False links")) == round(linked * (1 - half["precision"]))


def table_counts(page: Page, heading: str) -> list[int]:
    """Counts of an error table; its rows follow the one with its column names."""
    starts = [n for n, row in enumerate(page.cells) if row[:1] == ["what agreed and differed"]]
    start = starts[["False links", "Missed pairs"].index(heading)]
    counts = []
    for row in page.cells[start + 1 :]:
        if len(row) != 2 or not row[1].replace(",", "").isdigit():
            break
        counts.append(int(row[1].replace(",", "")))
    return counts


def test_pairs_that_never_were_candidates_are_counted_too(page: Page) -> None:
    rows = {row[0] for row in page.cells if row}
    assert "both rows usable, never candidates: nothing shared" in rows
    assert "a row that could not be used, or in no table" in rows


def test_stored_slots_alone_are_said_to_be_so(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert run("report", folder, "--fields", FIELDS, "--out", out, "--stored-only").exit_code == 0
    assert "stored slots alone" in out.read_text("utf-8")


def test_the_same_files_give_the_same_report(folder: Path, text: str, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    assert run("report", folder, "--fields", FIELDS, "--out", out).exit_code == 0
    assert out.read_text("utf-8") == text


def test_files_without_a_true_pair_give_a_report_too(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("local_id,dob,initials\na,1980-02-03,QZ\nb,1991-05-06,XK\n", "utf-8")
    (tmp_path / "truth.csv").write_text("agency,local_id,person_id\none,a,1\none,b,2\n", "utf-8")
    out = tmp_path / "report.html"
    result = run("report", tmp_path, "--fields", "dob,initials", "--out", out)
    assert result.exit_code == 0, result.output
    assert Page(out.read_text("utf-8")).open == []


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", '<b>&"', title='"><script>') == (
        '<p title="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;&quot;</p>'
    )
    assert join(["<", Markup("<b></b>")]) == "&lt;<b></b>"


def test_labels_of_charts_are_escaped() -> None:
    bars = bar_chart("b", title="<t>", description="&", bars=[Bar("<x>", -1.0, "<y>"), Bar("", 0.0, "0")])
    lines = line_chart(
        "l", title="<t>", description="&", x_label="<", y_label=">",
        series=[Series("<n>", [(0.0, 0.0), (1.0, 1.0)], marked=True, labels=["<1>"])], diagonal=True,
    )  # fmt: skip
    for chart in (bars, lines):
        assert "<t>" not in chart and "<x>" not in chart and "<n>" not in chart
        ElementTree.fromstring(chart)


def test_lines_differ_in_more_than_colour() -> None:
    series = [Series(name, [(0.0, 0.0), (1.0, 1.0)]) for name in "abc"]
    chart = line_chart("c", title="t", description="d", x_label="x", y_label="y", series=series)
    drawn = ElementTree.fromstring(chart)
    dashes = [line.attrib["stroke-dasharray"] for line in drawn.iter("polyline")]
    assert len(set(dashes)) == 3


@pytest.mark.parametrize("colour", [INK, BLUE, RUST, GREEN])
def test_colours_have_contrast_on_white(colour: str) -> None:
    """Relative luminance and contrast as in WCAG 2.2."""
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    assert 1.05 / (luminance + 0.05) >= 4.5


@pytest.mark.parametrize("code", [0, 17, int(np.prod(PATTERN_SHAPE)) - 1])
def test_patterns_are_told_in_words(code: int) -> None:
    words = pattern_words(code)
    assert words and "=" not in words
