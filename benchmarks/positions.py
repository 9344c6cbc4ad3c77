"""Positions by AES-256 on packed blocks beside HMAC-SHA256 value by value: `python -m benchmarks.positions`.

Times what docs/adr/0003-positions-by-aes.md and 0019-tags-by-aes.md argue from, on random values: the
pseudo-random bits alone, the same and the positions drawn from them, the keyed reduction of long values, and
the tags that a hub makes of slots. Every figure is the
best of a few runs, because other work on the machine can only add to it.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import numpy as np

from cli.evaluation_data import EVALUATION_KEY
from hub.tags import SLOT_BYTES, Int64Array, Pepper
from keys.linkage import LinkageKey
from matcher.schema import shipped_schema
from node.columns import Columns
from node.slots import Encoder, LinkageKeyProvider, UInt8Array

RUNS, SEED = 3, 5


def hmac_bits(key: bytes, blocks: UInt8Array) -> UInt8Array:
    """The first 16 bytes of HMAC-SHA256 of every block, by the fastest call of the standard library."""
    packed = blocks.tobytes()
    digests = b"".join(
        hmac.digest(key, packed[at : at + 16], "sha256")[:16] for at in range(0, len(packed), 16)
    )
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, 16)


class HmacProvider(LinkageKeyProvider):
    """Keyed bits by HMAC in place of AES: what the alternative would have cost."""

    def pseudo_random(self, slot_id: str, blocks: UInt8Array) -> UInt8Array:
        """HMAC-SHA256 of every block, cut to 16 bytes."""
        return hmac_bits(EVALUATION_KEY, np.ascontiguousarray(blocks))


def hmac_tags(key: bytes, slots: bytes) -> Int64Array:
    """Tags by HMAC-SHA256 of every slot: what the alternative would cost."""
    tags = b"".join(
        hmac.digest(key, slots[at : at + SLOT_BYTES], "sha256")[:SLOT_BYTES]
        for at in range(0, len(slots), SLOT_BYTES)
    )
    return np.frombuffer(tags, dtype=">i8").astype(np.int64)


def random_columns(count: int, rng: np.random.Generator) -> Columns:
    """Columns with a whole birth date and both initials, and nothing else."""
    none = np.zeros(count, np.uint64)
    return Columns(
        year=rng.integers(1940, 2009, count),
        month=rng.integers(1, 13, count),
        day=rng.integers(1, 29, count),
        complete=np.ones(count, np.bool_),
        forename_initial=rng.integers(1, 27, count),
        surname_initial=rng.integers(1, 27, count),
        surname_sound=none,
        sounds_sorted=none,
        chain=none,
        chain_digits=np.zeros(count, np.int64),
        nhs_number=none,
        sex=np.zeros(count, np.int64),
    )


def best_seconds(work: Callable[[], object]) -> float:
    """The shortest of a few runs, in seconds."""
    found = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def measure(count: int) -> dict[str, float]:
    """Seconds for some values, by what is timed."""
    rng = np.random.default_rng(SEED)
    schema = shipped_schema(["dob", "initials"])
    only_f = type(schema)(schema.document | {"stored": schema.document["stored"][:1], "asked": []})
    key = LinkageKey.from_bytes(EVALUATION_KEY)
    provider, alternative = LinkageKeyProvider(key, only_f.digest), HmacProvider(key, only_f.digest)
    blocks = rng.integers(0, 256, (count, 16)).astype(np.uint8)
    columns = random_columns(count, rng)
    values = [b"%d" % number for number in rng.integers(0, 1 << 60, count).tolist()]
    pepper, slots = Pepper(EVALUATION_KEY), rng.bytes(count * SLOT_BYTES)
    reduction = key.slot_key(only_f.digest, "reduction")
    aes, by_hmac = Encoder(only_f, provider), Encoder(only_f, alternative)
    return {
        "bits, AES-256 in one call": best_seconds(lambda: provider.pseudo_random("F", blocks)),
        "bits, HMAC-SHA256 each": best_seconds(lambda: hmac_bits(EVALUATION_KEY, blocks)),
        "slot F whole (packing, bits, positions), AES-256": best_seconds(lambda: aes.slots(columns)),
        "slot F whole (packing, bits, positions), HMAC-SHA256": best_seconds(lambda: by_hmac.slots(columns)),
        "reduction, keyed BLAKE2b each": best_seconds(lambda: [provider.reduce(value) for value in values]),
        "reduction, HMAC-SHA256 each": best_seconds(
            lambda: [hmac.digest(reduction, value, hashlib.sha256) for value in values]
        ),
        "tags of slots at the hub, AES-256 in one call": best_seconds(lambda: pepper.tags("F", slots)),
        "tags of slots at the hub, HMAC-SHA256 each": best_seconds(lambda: hmac_tags(EVALUATION_KEY, slots)),
    }


def main() -> None:
    """Print the table, then the same as one line of JSON."""
    parser = argparse.ArgumentParser(description="Positions by AES-256 beside HMAC-SHA256.")
    parser.add_argument("--values", type=int, default=1_000_000)
    found = measure(parser.parse_args().values)
    print("| what | seconds |\n|---|---:|")
    for name, seconds in found.items():
        print(f"| {name} | {seconds:.2f} |")
    print()
    print(json.dumps({name: round(seconds, 4) for name, seconds in found.items()}))


if __name__ == "__main__":
    main()
