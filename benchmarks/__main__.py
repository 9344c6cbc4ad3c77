"""`make bench`: latency of a look-up at the hub, on SQLite and, where a server is installed, PostgreSQL."""

from __future__ import annotations

import subprocess
import sys

from tests.postgres import find_binaries


def main() -> int:
    """Run the benchmark on each database in a process of its own; the first failure's code, or 0."""
    databases = ["sqlite", *(["postgresql"] if find_binaries() else [])]
    command = [sys.executable, "-m", "benchmarks.lookup_latency", "--agencies", "8", "--tokens", "100000"]
    codes = [
        subprocess.run(
            [*command, "--cases", "15", "--rounds", "200", "--database", database], check=False
        ).returncode
        for database in databases
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
