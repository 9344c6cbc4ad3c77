"""The process behind a desk: runs `knownto` commands that arrive as lines, each as the command line would.

A line is `{"argv": [...], "stdin": text}` and is answered by one line `{"code", "out", "err"}`. Called with
words, it runs that one command and ends with it; in both ways it ends when its standard input does, so that
nothing is left running when the demonstration is killed.
"""

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import BinaryIO

from cli.main import main


def run_command(argv: Sequence[str], stdin: str) -> dict[str, object]:
    """Run one command with its three streams caught; its exit code is the command line's own."""
    kept = sys.argv, sys.stdin, sys.stdout, sys.stderr
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    sys.argv = ["knownto", *argv]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
    sys.stdout, sys.stderr = out, err
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.argv, sys.stdin, sys.stdout, sys.stderr = kept
    return {"code": code, "out": _text(out), "err": _text(err)}


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def serve_lines(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer every line until there are no more."""
    for line in requests:
        request = json.loads(line)
        answers.write(json.dumps(run_command(request["argv"], request["stdin"])).encode() + b"\n")
        answers.flush()


def end_with_input() -> None:
    """Wait for the end of standard input, then ask this process to stop."""
    # Not through sys.stdin: its lock would be held when the interpreter shuts down.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        threading.Thread(target=end_with_input, daemon=True).start()
        sys.argv[0] = "knownto"
        main()
    else:
        serve_lines(sys.stdin.buffer, sys.stdout.buffer)
