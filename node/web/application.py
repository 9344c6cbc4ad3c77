"""`create_app(node)`: the pages of one node, wired. Nothing exists before it is called."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from starlette.applications import Starlette

import pages.application
from node.answers import AnswerWord
from node.asking import WAITING_RULE
from node.case_lists import LARGEST_FILE_BYTES, sweep
from node.expiry import drop_what_is_over
from node.home import Node
from node.quality import RULES
from node.sheets import LEGEND
from node.times import parse_time
from node.web.basis_form import CATEGORY_WORDS, KINDS, METHOD_WORDS
from node.web.expiring import dropping
from node.web.routes import PAGES
from node.web.visits import NodeSite
from pages.templating import Naming, format_clock, format_day

TEMPLATES = Path(__file__).parent / "templates"
# Where the rule's own sentence names a command.
PLAINER = {WAITING_RULE: "It waits for approval by somebody else."}
TAGS = {
    AnswerWord.KNOWN: "known",
    AnswerWord.POSSIBLY_KNOWN: "possibly",
    AnswerWord.NO_SHARED_MATCH: "none",
    AnswerWord.NO_REPLY_YET: "waiting",
    AnswerWord.NOT_ASKED: "not-asked",
}


def create_app(node: Node, *, names: tuple[str, ...] = ()) -> Starlette:
    """The pages of an opened node.

    Args:
        node: The node; it stays open for as long as the pages are served.
        names: Host names, beside this machine's own, under which a proxy serves the pages.
    """
    node.open_http()
    sweep(node.home)
    drop_what_is_over(node.store, at=node.clock())
    return pages.application.create_app(
        NodeSite(node),
        PAGES,
        templates=TEMPLATES,
        naming=_naming(),
        largest_file_bytes=LARGEST_FILE_BYTES,
        names=names,
        beside=dropping(node),
    )


def _naming() -> Naming:
    words = {
        "legend": LEGEND,
        "tags": {str(word): tag for word, tag in TAGS.items()},
        "basis_kinds": KINDS,
        "basis_methods": {method: words.capitalize() for method, words in METHOD_WORDS.items()},
        "basis_categories": CATEGORY_WORDS,
    }
    filters = {"rule": _sentence_of_rule, "log_day": _day_of, "log_time": _time_of}
    return Naming(filters=filters, words=words)


def _day_of(text: str) -> str:
    """A day as documents write it, as people do."""
    return format_day(date.fromisoformat(text[:10]))


def _time_of(text: str) -> str:
    """A time as documents write it, as people do."""
    at = parse_time(text)
    return f"{format_day(at)}, {format_clock(at)}"


def _sentence_of_rule(rule: str) -> str:
    return PLAINER.get(rule, RULES[rule].sentence)
