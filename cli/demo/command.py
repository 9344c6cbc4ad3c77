"""`knownto demo`: a whole partnership on this machine, from empty folders to a known-to sheet."""

import json
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import click

from cli.demo import report as reports
from cli.demo import steps
from cli.demo.agencies import AGENCIES
from cli.demo.federation import HOST, Partnership, open_partnership
from cli.demo.files import write_as_kept, write_conference, write_truth
from cli.demo.generator import DEFAULT_PEOPLE, DEFAULT_SEED, Federation, generate
from cli.demo.layout import prepare
from cli.output import format_option, say

Tell = Callable[[str], None]


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this new or empty folder.  [default: a temporary one, removed at the end]",
)
@format_option()
@click.option(
    "--serve", "keep_serving", is_flag=True, help="Keep the hub running until Ctrl-C, and keep the folder."
)
@click.option(
    "--people",
    type=click.IntRange(0, 100_000),
    default=DEFAULT_PEOPLE,
    show_default=True,
    help="How many people to make up.",
)
@click.option(
    "--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Another seed makes other people."
)
def demo(directory: Path | None, output_format: str, keep_serving: bool, people: int, seed: int) -> None:
    """Run a whole partnership on this machine: a hub and eight agencies, made-up people, a conference of 12.

    Every process talks HTTP on 127.0.0.1 only. Needs no network, no configuration and no database server.
    """
    started = time.monotonic()

    def tell(message: str) -> None:
        say(f"{time.monotonic() - started:5.1f} s  {message}")

    with _ending_on_signals(), _folder(directory, keep=keep_serving) as root:
        layout = prepare(root, agencies=tuple(agency.agency_id for agency in AGENCIES))
        on = datetime.now(UTC).date()
        county = generate(people=people, seed=seed, as_of=on)
        with open_partnership(layout) as partnership:
            made = _run(partnership, county, on=on, tell=tell)
            kept = directory is not None or keep_serving
            report = _report(partnership, *made, kept=kept, serving=keep_serving, started=started)
            if output_format == "json":
                click.echo(json.dumps(report.document(), indent=2, ensure_ascii=False))
            else:
                reports.print_report(report, county, port=partnership.port if keep_serving else None)
            if keep_serving:
                _serve(partnership)


def _run(
    partnership: Partnership, county: Federation, *, on: date, tell: Tell
) -> tuple[dict[str, steps.Shared], Any]:
    """Everything up to the answers: how the caseloads fared, and the look-up's document."""
    files = write_as_kept(county, partnership.layout.files)
    write_truth(county, partnership.layout.files / "truth.csv")
    conference_list = partnership.layout.files / "conference.csv"
    write_conference(county.conference, conference_list, details=steps.basis_details(on=on))
    tell(f"{county.records} records of made-up people written, as eight agencies keep them.")
    hub_fingerprint, fingerprints = steps.make_hub_and_nodes(partnership)
    tell(f"The hub answers on {HOST}:{partnership.port}; eight nodes have made their keys.")
    steps.enrol_agencies(partnership, hub_fingerprint=hub_fingerprint, fingerprints=fingerprints)
    tell("Eight agencies enrolled, each by its one-time token; fingerprints compared and confirmed.")
    steps.hand_out_key(partnership, fingerprints)
    tell("The linkage key made at HPFT, and received by seven others; the hub has not seen it.")
    steps.sign_agreements(partnership, on=on)
    tell("Two agreements signed by their parties: case conference, safeguarding panel.")
    shared = steps.share_caseloads(partnership, county, files)
    tell("Caseloads checked, imported and shared; Mill Lane Surgery has not shared. One record sealed.")
    consents = steps.record_consents(partnership, county, on=on)
    tell(f"{consents} consents recorded, one of them withdrawn again.")
    overrides = steps.approve_overrides(partnership, county)
    tell(f"{overrides} public task asked for by the coordinator and approved by information governance.")
    sheet = steps.look_up(partnership, conference_list)
    tell(f"{len(sheet['cases'])} cases looked up, {len(sheet['parked'])} parked.")
    return shared, sheet


def _report(
    partnership: Partnership,
    shared: dict[str, steps.Shared],
    sheet: Any,
    *,
    kept: bool,
    serving: bool,
    started: float,
) -> reports.Report:
    explained = reports.choose_answer(sheet)
    why = steps.explain(partnership, *explained)
    log = {
        "asker": steps.read_log(partnership, steps.COORDINATING),
        "holder": steps.read_log(partnership, steps.HOLDER),
    }
    return reports.Report(
        seconds=round(time.monotonic() - started, 1),
        agencies=reports.describe_agencies(shared),
        sheet=sheet,
        why={"case_ref": explained[0], **why},
        log=log,
        next=reports.next_steps(
            partnership.layout, port=partnership.port, serving=serving, kept=kept, explained=explained
        ),
    )


def _serve(partnership: Partnership) -> None:
    """Leave the hub running until somebody stops it, which is how this is meant to end."""
    partnership.leave_desks()
    try:
        partnership.wait_for_server()
    except KeyboardInterrupt:
        say("Stopped.")


@contextmanager
def _folder(directory: Path | None, *, keep: bool) -> Iterator[Path]:
    """The folder of the demonstration; a temporary one is removed unless it is to be kept."""
    if directory is not None:
        yield directory
    elif keep:
        yield Path(tempfile.mkdtemp(prefix="knownto-demo-"))
    else:
        with tempfile.TemporaryDirectory(prefix="knownto-demo-") as temporary:
            yield Path(temporary)


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that every process it started is ended.

    Both are set: a command that a shell script starts in the background is born deaf to Ctrl-C's signal.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
