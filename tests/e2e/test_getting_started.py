"""docs/getting-started.md does what it says: its commands are run, and their output is held to the page.

After a change of output: run it with KNOWNTO_UPDATE_DOCS=1, and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.documented_session import SavedFile, Session, Step, normalised, read_page, rewrite

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
DONE_WITH_WARNINGS = 3


def test_the_page_works_as_it_is_typed(tmp_path: Path) -> None:
    for paper in ("isa.pdf", "terms.pdf"):
        (tmp_path / paper).write_bytes(b"%PDF-1.7 " + paper.encode())
    session = Session(tmp_path)
    steps = read_page(PAGE)
    commands = [step for step in steps if isinstance(step, Step)]
    try:
        for step in steps:
            if isinstance(step, SavedFile):
                (tmp_path / step.name).write_text(step.content, "utf-8")
            else:
                session.run(step)
                assert step.code in (0, DONE_WITH_WARNINGS), (step.command, step.actual)
                warned = any(line.startswith("knownto: ") for line in step.actual)
                assert warned == (step.code == DONE_WITH_WARNINGS), step.command
    finally:
        session.close()
    if os.environ.get("KNOWNTO_UPDATE_DOCS") == "1":
        rewrite(PAGE, commands)
        return
    for step in commands:
        assert normalised(step.actual) == normalised(step.shown), step.command
    assert (tmp_path / "known-to.xlsx").read_bytes()[:2] == b"PK"
