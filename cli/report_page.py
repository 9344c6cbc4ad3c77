"""The frame of a page that stands alone: style inside it, no script, no other host."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from node.charts import Markup, element, join

STYLE = """
body { font-family: system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto;
  max-width: 84rem; padding: 0 1rem; line-height: 1.4; }
section { border-top: 1px solid #767676; margin-top: 2rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(22rem, 1fr)); gap: 2rem;
  align-items: start; }
.wide { grid-template-columns: 1fr; }
figure { margin: 0; } svg { width: 100%; height: auto; } svg text { font-family: inherit; }
table { border-collapse: collapse; font-size: 0.9rem; } caption { text-align: left; font-weight: bold; }
th, td { border-bottom: 1px solid #c4c4c4; padding: 0.2rem 0.8rem 0.2rem 0; text-align: right; }
th:first-child, td:first-child { text-align: left; font-weight: normal; } thead th { font-weight: bold; }
"""
# Nothing is loaded and nothing runs, whatever a later edit may put in.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def build_page(title: str, sections: Sequence[Markup]) -> str:
    """A whole page of sections."""
    head = join(
        [
            Markup('<meta charset="utf-8">'),
            Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'),
            element("title", title),
            element("style", Markup(STYLE)),
        ]
    )
    page = element("html", element("head", head), element("body", element("main", *sections)), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def section(heading: str, said: str, chart: Markup, table: Markup, *, wide: bool = False) -> Markup:
    """A heading, what the chart says, the chart, and its table beside it (below it where it is wide)."""
    beside = element("div", element("figure", chart), table, class_="pair wide" if wide else "pair")
    return element("section", element("h2", heading), element("p", said), beside)


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """A table whose first column names its rows."""
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    body = [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
        for row in rows
    ]
    return element("table", element("caption", caption), element("thead", head), element("tbody", *body))
