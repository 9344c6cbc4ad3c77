"""Whose review queue a `knownto review` command works on: an agency's own at its node, or all at the hub."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.log_homes import hub_database, is_hub, open_log
from cli.terminal import open_node
from keys.actors import Role

if TYPE_CHECKING:
    from node.log_lines import LogLine
    from node.reviews import Review


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """A review queue that can be worked on.

    Attributes:
        reviews: The items, oldest first; what is open, or everything.
        review: One item.
        notes: The words kept here of an item's decisions, by their promise.
        lines: The log entries an item rests on, as lines people read.
        reason: The words of an override's or emergency's reason, by its id, where this home keeps them.
        decide: Decides an item: its id, the outcome, the note, the highest log index seen.
        summary: A month in counts.
        month: The current one, YYYY-MM.
    """

    reviews: Callable[[bool], Iterable[Review]]
    review: Callable[[str], Review]
    notes: Callable[[Review], dict[str, str]]
    lines: Callable[[Review], list[LogLine]]
    reason: Callable[[str], str | None]
    decide: Callable[[str, str, str, int], Review]
    summary: Callable[[str], dict[str, Any]]
    month: str


def open_queue(ctx: click.Context) -> OpenQueue:
    """The queue of the home the command was given; at a node it takes the role ig."""
    return _hub_queue(ctx) if is_hub(ctx) else _node_queue(ctx)


def _node_queue(ctx: click.Context) -> OpenQueue:
    from node import reviews
    from node.access_log import describe_log, sync_log
    from node.overrides import reason_of

    node = open_node(ctx, Role.IG)
    client = node.client()

    def lines(review: Review) -> list[LogLine]:
        sync_log(node)
        return _only(review, describe_log(node, after=min(review.indices) - 1))

    return OpenQueue(
        reviews=lambda everything: reviews.fetch_reviews(client, everything=everything),
        review=lambda item: reviews.fetch_review(client, item),
        notes=lambda review: reviews.notes_of(node.store, review),
        lines=lines,
        reason=lambda authority: reason_of(node.store, authority),
        decide=lambda item, outcome, note, seen: reviews.decide(node, item, outcome, note, seen=seen),
        summary=lambda month: reviews.fetch_summary(client, month),
        month=f"{node.clock():%Y-%m}",
    )


def _hub_queue(ctx: click.Context) -> OpenQueue:
    from hub.clock import system_clock

    return OpenQueue(
        reviews=lambda everything: _hub_reviews(ctx, everything),
        review=lambda item: _hub_review(ctx, item),
        notes=lambda review: _hub_notes(ctx, review),
        lines=lambda review: _only(review, open_log(ctx).lines(min(review.indices) - 1)),
        reason=lambda _authority: None,
        decide=lambda item, outcome, note, seen: _hub_decide(ctx, item, outcome, note, seen),
        summary=lambda month: _hub_summary(ctx, month),
        month=f"{system_clock():%Y-%m}",
    )


def _hub_reviews(ctx: click.Context, everything: bool) -> Iterator[Review]:
    from hub.clock import system_clock
    from hub.review_views import view_items
    from hub.reviews import list_items
    from node.reviews import read_review

    after = None
    with hub_database(ctx) as (database, settings), database.reading() as session:
        while True:
            items = list_items(session, None, open_only=not everything, after=after)
            for view in view_items(session, items, at=system_clock(), settings=settings.review):
                yield read_review(view.model_dump())
            if not items:
                return
            after = items[-1].item


def _hub_review(ctx: click.Context, item: str) -> Review:
    from hub.clock import system_clock
    from hub.review_views import view_items
    from hub.reviews import find_item
    from node.reviews import read_review

    with hub_database(ctx) as (database, settings), database.reading() as session:
        found = find_item(session, None, item)
        (view,) = view_items(session, [found], at=system_clock(), settings=settings.review)
        return read_review(view.model_dump())


def _hub_notes(ctx: click.Context, review: Review) -> dict[str, str]:
    from hub.review_notes import read_notes
    from hub.secrets import load_pepper_key

    with hub_database(ctx) as (database, settings), database.reading() as session:
        return read_notes(session, load_pepper_key(settings.home), [review.item])


def _hub_decide(ctx: click.Context, item: str, outcome: str, note: str, seen: int) -> Review:
    from hub.clock import system_clock
    from hub.review_notes import decide_with_note
    from hub.reviews import Outcome
    from hub.secrets import load_pepper_key
    from node.staff import require_staff_id

    staff = ctx.obj.get("staff")
    if staff is None:
        raise click.UsageError("at the hub, say who decides: --staff ID")
    require_staff_id(staff)
    with hub_database(ctx) as (database, settings), database.writing() as session:
        key = load_pepper_key(settings.home)
        decide_with_note(
            session,
            key,
            item,
            staff,
            Outcome(outcome),
            note,
            seen=seen,
            at=system_clock(),
            settings=settings.review,
        )
    return _hub_review(ctx, item)


def _hub_summary(ctx: click.Context, month: str) -> dict[str, Any]:
    from dataclasses import asdict
    from datetime import date

    from hub.clock import system_clock
    from hub.review_summary import summarise

    with hub_database(ctx) as (database, settings), database.reading() as session:
        first = date.fromisoformat(f"{month}-01")
        return asdict(summarise(session, None, month=first, at=system_clock(), settings=settings.review))


def _only(review: Review, lines: Iterable[LogLine]) -> list[LogLine]:
    wanted = set(review.indices)
    return [line for line in lines if line.index in wanted]
