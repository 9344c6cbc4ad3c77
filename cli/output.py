"""The one place that prints data: tables for people, JSON and CSV for scripts, all on stdout.

Progress and messages go to stderr. rich is imported only when a table is drawn.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

Row = Mapping[str, Any]


class CompletedWithWarnings(Exception):
    """The work was done, and something in it needs a person's eye (exit code 3)."""


def format_option(*choices: str) -> Callable[[Any], Any]:
    """The `--format` option; the first choice is the default."""
    offered = choices or ("table", "json")
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(offered),
        default=offered[0],
        show_default=True,
        help="How to print the result.",
    )


def emit(
    data: Sequence[Row] | Mapping[str, Any],
    output_format: str,
    *,
    columns: Sequence[str] | None = None,
    title: str | None = None,
) -> None:
    """Print rows or one document to stdout.

    Args:
        data: Rows (printed as a table, a JSON list or CSV) or one mapping (name and value, or a JSON object).
        output_format: `table`, `json` or `csv`.
        columns: Which columns, in order; by default those of the first row.
        title: A heading above a table; JSON and CSV have none.
    """
    if output_format == "json":
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    rows = data if not isinstance(data, Mapping) else [{"name": k, "value": v} for k, v in data.items()]
    names = list(columns or (rows[0] if rows else ()))
    if output_format == "csv":
        click.echo(format_csv(rows, names), nl=False)
    else:
        print_table(rows, names, title=title, headings=not isinstance(data, Mapping))


def format_csv(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Rows as CSV text with a header line; what a spreadsheet would calculate stands behind an apostrophe."""
    from node.sheets import is_formula_like

    def disarmed(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and is_formula_like(value) else value

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([disarmed(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def write_xlsx(path: Path, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Write rows to a workbook of one sheet: text as text, numbers as numbers, nothing as a formula.

    Raises:
        click.FileError: The file cannot be written.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, options) as workbook:
        sheet = workbook.add_worksheet("counts")
        for column, name in enumerate(names):
            sheet.write_string(0, column, name)
        for at, row in enumerate(rows, start=1):
            for column, name in enumerate(names):
                if row.get(name) is not None:
                    sheet.write(at, column, row[name])
        sheet.freeze_panes(1, 0)
    _write(path, buffer.getvalue())


def write_text(path: Path, text: str) -> None:
    """Write a text of ours, such as a chart.

    Raises:
        click.FileError: The file cannot be written.
    """
    _write(path, text.encode())


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError:
        raise click.FileError(path.name, "it cannot be written") from None


def print_table(
    rows: Sequence[Row], names: Sequence[str], *, title: str | None = None, headings: bool = True
) -> None:
    """Draw a plain table; without a terminal it is as wide as it needs to be, so nothing is cut."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD if headings else None,
        show_header=headings,
        pad_edge=False,
    )
    for name in names:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name))) for name in names))
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def say(message: str) -> None:
    """A message to the person at the terminal (stderr)."""
    click.echo(message, err=True)


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, silent where stderr is not a terminal; yields `advance(n)`."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda count: bar.advance(task, count)
