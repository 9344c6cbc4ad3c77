"""docs/review.md does what it says: from an alarm to a reviewed outcome, by its commands alone.

It goes on where docs/getting-started.md ends. After a change of output: run it with KNOWNTO_UPDATE_DOCS=1.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from hub.review_settings import ReviewSettings
from tests.documented_session import SavedFile, Session, Step, normalised, read_page, rewrite

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "review.md"
DONE_WITH_WARNINGS = 3
DAY = re.compile(r"\b\d{4}-\d\d(-\d\d)?\b")


def without_days(lines: list[str]) -> list[str]:
    return [DAY.sub("<day>", line) for line in normalised(lines)]


def test_an_officer_gets_from_an_alarm_to_an_outcome_by_the_page(tmp_path: Path) -> None:
    for paper in ("isa.pdf", "terms.pdf"):
        (tmp_path / paper).write_bytes(b"%PDF-1.7 " + paper.encode())
    session = Session(tmp_path)
    # Whatever the hour and the day this runs at; and nothing is scanned before the page says so.
    review = {"round_the_clock": ["northside"], "scan_seconds": 3600}
    session.environment["KNOWNTO_HUB_REVIEW"] = json.dumps(review)
    steps = read_page(PAGE)
    try:
        for step in [*read_page(DOCS / "getting-started.md"), *steps]:
            if isinstance(step, SavedFile):
                (tmp_path / step.name).write_text(step.content, "utf-8")
            else:
                session.run(step)
                assert step.code in (0, DONE_WITH_WARNINGS), (step.command, step.actual)
    finally:
        session.close()
    commands = [step for step in steps if isinstance(step, Step)]
    if os.environ.get("KNOWNTO_UPDATE_DOCS") == "1":
        rewrite(PAGE, commands)
        return
    for step in commands:
        assert without_days(step.actual) == without_days(step.shown), step.command
    secret = [b"printed anew", b"rang us"]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".log"]
    assert not [path.name for path in files if any(words in path.read_bytes() for words in secret)]


def test_every_setting_stands_in_the_page_with_its_default() -> None:
    text = PAGE.read_text("utf-8")
    defaults = ReviewSettings().model_dump(mode="json")
    for name, field in ReviewSettings.model_fields.items():
        shown = {"bank_holidays": "England and Wales, 2026 to 2030", "round_the_clock": "none"}
        assert f"| `{name}` | {shown.get(name, defaults[name])} | {field.description} |" in text, name


def test_every_kind_of_item_stands_in_the_page() -> None:
    from hub.alarms import Kind

    text = PAGE.read_text("utf-8")
    assert not [kind for kind in Kind if f"`{kind}`" not in text]
