"""A process that looks people up until it is killed, and writes down durably what it was answered.

    python -m tests.e2e.asking HOME PEOPLE.json ACKNOWLEDGED

An acknowledgement is the index and the SHA-256 of the leaf of the entry that the verified receipt proved. A
hub that does not answer is asked again; a receipt that does not verify is written down and ends the process.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
import time
from pathlib import Path

from node.errors import HubRefusedError, HubUnreachableError, IntegrityError
from node.home import open_home
from node.lookups import Asking, look_up
from node.receipts import read_receipt
from tests.federation import PASSPHRASE, case_of, consent_basis

BROKEN = "the receipt does not verify"


def main() -> None:
    """Ask about one person after the other."""
    home, people, acknowledged = (Path(argument) for argument in sys.argv[1:])
    rows = json.loads(people.read_text())
    file = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open_home(home, PASSPHRASE) as node:
        asking = Asking(staff=node.settings.staff, role="coordinator", purpose="case_conference")
        for row in itertools.cycle(rows):
            try:
                result = look_up(node, [(case_of(row), consent_basis())], asking)
            except HubUnreachableError:
                time.sleep(0.02)
                continue
            except HubRefusedError as error:
                # A hub that is being killed may answer with 503 once; nothing else may come.
                if error.code not in ("log_unavailable", "unavailable"):
                    raise
                continue
            except IntegrityError:
                os.write(file, f"{BROKEN}\n".encode())
                raise
            receipt = read_receipt(node.store, result.log_index)
            assert receipt is not None, "an answer was shown without its receipt"
            leaf = hashlib.sha256(receipt["leaf"].encode()).hexdigest()
            os.write(file, f"{result.log_index} {leaf}\n".encode())
            os.fsync(file)


if __name__ == "__main__":
    main()
