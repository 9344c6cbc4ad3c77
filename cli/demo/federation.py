"""The processes of a demonstration: the hub's server, a desk for its operator, and one for each agency.

Only 127.0.0.1 is bound. Whatever ends the demonstration ends every process it started.
"""

import http.client
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cli.demo.agencies import AGENCIES
from cli.demo.desk import CommandFailedError, Desk, start, stop
from cli.demo.layout import HUB, Layout

HOST = "127.0.0.1"
SERVER_START_SECONDS = 30.0
POLL_SECONDS = 0.05

Outcome = TypeVar("Outcome")


@dataclass(slots=True)
class Partnership:
    """A running federation.

    Attributes:
        layout: Its folder.
        port: The hub's port on 127.0.0.1.
        operator: The hub operator's desk.
        desks: The agencies' desks by agency id.
        server: The hub's process, once `serve` was called.
    """

    layout: Layout
    port: int
    operator: Desk
    desks: dict[str, Desk]
    pool: ThreadPoolExecutor
    server: subprocess.Popen[bytes] | None = None
    _server_log: Any = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Where the nodes call the hub."""
        return f"http://{HOST}:{self.port}"

    def everywhere(self, work: Callable[[Desk], Outcome], *, but: Sequence[str] = ()) -> dict[str, Outcome]:
        """Do something at every agency's desk at once, apart from some; the first failure is raised."""
        return self.begin_everywhere(work, but=but)()

    def begin_everywhere(
        self, work: Callable[[Desk], Outcome], *, but: Sequence[str] = ()
    ) -> Callable[[], dict[str, Outcome]]:
        """Begin something at every agency's desk; what is returned waits for the outcomes by agency id."""
        wanted = {agency: desk for agency, desk in self.desks.items() if agency not in but}
        outcomes = self.pool.map(work, wanted.values())
        return lambda: dict(zip(wanted, outcomes, strict=True))

    def serve(self) -> None:
        """Start the hub."""
        self._server_log = self.layout.log("hub-server").open("ab")
        self.server = start(
            ["hub", "serve", "--host", HOST, "--port", str(self.port)],
            home=self.layout.home(HUB),
            passphrase_file=self.layout.passphrase_file(HUB),
            log=self._server_log,
        )

    def wait_until_served(self) -> None:
        """Wait until the hub answers.

        Raises:
            CommandFailedError: It ended, or did not answer in time.
        """
        assert self.server is not None
        deadline = time.monotonic() + SERVER_START_SECONDS
        while not _answers(self.port):
            if self.server.poll() is not None:
                raise CommandFailedError("the hub ended before it answered; see logs/hub-server.log")
            if time.monotonic() > deadline:
                raise CommandFailedError(f"the hub did not answer within {SERVER_START_SECONDS:.0f} seconds")
            time.sleep(POLL_SECONDS)

    def wait_for_server(self) -> None:
        """Wait for as long as the hub runs."""
        assert self.server is not None
        while self.server.poll() is None:
            time.sleep(POLL_SECONDS)
        raise CommandFailedError("the hub ended by itself; see logs/hub-server.log")

    def leave_desks(self) -> None:
        """End the operator's and the agencies' processes; the hub goes on.

        A desk that waits for its next command has nothing to finish, so it need not be asked.
        """
        for desk in (self.operator, *self.desks.values()):
            desk.kill()
        for desk in (self.operator, *self.desks.values()):
            desk.close()

    def close(self, *, at_once: bool) -> None:
        """End every process.

        Args:
            at_once: Something went wrong: do not wait for commands that are under way.
        """
        if at_once:
            for desk in (self.operator, *self.desks.values()):
                desk.kill()
        self.pool.shutdown(cancel_futures=True)
        self.leave_desks()
        if self.server is not None:
            stop(self.server)
            self._server_log.close()


@contextmanager
def open_partnership(layout: Layout) -> Iterator[Partnership]:
    """Start the desks; end every process when the block is left, however it is left."""
    partnership = Partnership(
        layout=layout,
        port=_free_port(),
        operator=_open_desk(layout, HUB),
        desks={agency.agency_id: _open_desk(layout, agency.agency_id) for agency in AGENCIES},
        pool=ThreadPoolExecutor(len(AGENCIES)),
    )
    try:
        yield partnership
    except BaseException:
        partnership.close(at_once=True)
        raise
    partnership.close(at_once=False)


def _open_desk(layout: Layout, who: str) -> Desk:
    return Desk(who, layout.home(who), passphrase_file=layout.passphrase_file(who), log=layout.log(who))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/v1/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()
