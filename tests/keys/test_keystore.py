"""A key store keeps what it is given, under its passphrase, and says nothing without it."""

import json
import stat
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import CustodyError, KeyFormatError, KeysError
from keys.keystore import KeyStore
from keys.passphrase import PassphraseCost, derive_passphrase_key
from tests.keys.factories import CHEAP, PASSPHRASE

SECRET = bytes(range(32))
names = st.from_regex(r"[a-z0-9][a-z0-9./-]{0,127}", fullmatch=True)
contents = st.dictionaries(names, st.binary(max_size=100), max_size=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "node" / "keys"
    KeyStore.create(path, PASSPHRASE, cost=CHEAP).put("identity", SECRET)
    return path


@settings(max_examples=15, deadline=None)
@given(contents)
def test_a_store_opens_with_what_was_put_into_it(secrets: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = KeyStore.create(Path(directory) / "keys", PASSPHRASE, cost=CHEAP)
        for name, secret in secrets.items():
            store.put(name, secret)
        again = KeyStore.open(Path(directory) / "keys", PASSPHRASE)
        assert {name: again.get(name) for name in again.names()} == secrets
        assert again.names() == store.names() == tuple(sorted(secrets))


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=8, max_size=30), st.text(min_size=8, max_size=30))
def test_two_passphrases_are_the_same_only_if_unicode_says_so(one: str, other: str) -> None:
    left, right = (derive_passphrase_key(text, salt=bytes(16), cost=CHEAP) for text in (one, other))
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    assert (left == right) == same


def test_a_passphrase_is_the_same_from_every_keyboard() -> None:
    composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
    derived = {derive_passphrase_key(text, salt=bytes(16), cost=CHEAP) for text in (composed, decomposed)}
    assert len(derived) == 1


def test_the_file_is_private_and_holds_no_secret_in_the_clear(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert SECRET not in path.read_bytes() and b"identity" not in path.read_bytes()


def test_a_wrong_passphrase_is_refused_in_plain_words(path: Path) -> None:
    with pytest.raises(CustodyError, match=r"^key store: wrong passphrase, or the file was altered$"):
        KeyStore.open(path, "a wrong passphrase")


@pytest.mark.parametrize("passphrase", ["", "short"])
def test_a_short_passphrase_is_a_wrong_one_where_a_store_is_opened(path: Path, passphrase: str) -> None:
    with pytest.raises(CustodyError, match=r"^key store: wrong passphrase"):
        KeyStore.open(path, passphrase)


def test_a_new_passphrase_too_short_is_refused(path: Path) -> None:
    with pytest.raises(CustodyError, match="at least 8"):
        KeyStore.open(path, PASSPHRASE).change_passphrase("short")
    assert KeyStore.open(path, PASSPHRASE).names()


@pytest.mark.parametrize("passphrase", ["", "short"])
def test_a_passphrase_too_short_is_refused(tmp_path: Path, passphrase: str) -> None:
    with pytest.raises(CustodyError, match="at least 8"):
        KeyStore.create(tmp_path / "keys", passphrase, cost=CHEAP)
    assert not (tmp_path / "keys").exists()


def test_a_store_is_never_made_over_a_file(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(CustodyError, match="file already"):
        KeyStore.create(path, PASSPHRASE, cost=CHEAP)
    assert path.read_bytes() == before


def test_a_store_that_others_can_read_is_not_opened(path: Path) -> None:
    path.chmod(0o644)
    with pytest.raises(CustodyError, match="open to others"):
        KeyStore.open(path, PASSPHRASE)


def test_a_store_that_became_open_to_others_is_not_added_to(path: Path) -> None:
    store = KeyStore.open(path, PASSPHRASE)
    path.chmod(0o644)
    with pytest.raises(CustodyError, match="open to others"):
        store.put("more", SECRET)


def test_a_secret_is_not_lost_to_another_of_its_name(path: Path) -> None:
    store = KeyStore.open(path, PASSPHRASE)
    store.put("identity", SECRET)
    with pytest.raises(CustodyError, match="another secret"):
        store.put("identity", b"other")
    assert store.get("identity") == KeyStore.open(path, PASSPHRASE).get("identity") == SECRET


def test_a_secret_is_replaced_when_that_is_asked_for(path: Path) -> None:
    KeyStore.open(path, PASSPHRASE).put("identity", b"other", replace=True)
    assert KeyStore.open(path, PASSPHRASE).get("identity") == b"other"


def test_a_removed_secret_is_gone(path: Path) -> None:
    store = KeyStore.open(path, PASSPHRASE)
    store.remove("identity")
    assert store.names() == KeyStore.open(path, PASSPHRASE).names() == ()


@pytest.mark.parametrize("verb", ["get", "remove"])
def test_a_secret_that_is_not_there_is_said_not_to_be(path: Path, verb: str) -> None:
    with pytest.raises(CustodyError, match="no secret of that name"):
        getattr(KeyStore.open(path, PASSPHRASE), verb)("nothing")


@pytest.mark.parametrize("name", ["", "Identity", "a b", "a\n", "-a", "x" * 129])
def test_a_malformed_name_is_refused(path: Path, name: str) -> None:
    with pytest.raises(KeyFormatError):
        KeyStore.open(path, PASSPHRASE).put(name, SECRET)


def test_two_processes_do_not_undo_each_others_changes(path: Path) -> None:
    one, other = KeyStore.open(path, PASSPHRASE), KeyStore.open(path, PASSPHRASE)
    one.put("linkage/2026-q3", b"one")
    other.put("linkage/2026-q4", b"other")
    assert KeyStore.open(path, PASSPHRASE).names() == ("identity", "linkage/2026-q3", "linkage/2026-q4")


def test_what_another_process_has_put_there_is_found(path: Path) -> None:
    """Pages that are being served go on after `keys receive` in another shell."""
    serving, receiving = KeyStore.open(path, PASSPHRASE), KeyStore.open(path, PASSPHRASE)
    receiving.put("linkage/2026-q4", b"new")
    assert serving.get("linkage/2026-q4") == b"new"
    with pytest.raises(CustodyError, match="no secret"):
        serving.get("linkage/2027-q1")


def test_a_changed_passphrase_opens_and_the_old_one_does_not(path: Path) -> None:
    store = KeyStore.open(path, PASSPHRASE)
    store.change_passphrase("another passphrase")
    store.put("more", b"x")
    assert KeyStore.open(path, "another passphrase").names() == ("identity", "more")
    with pytest.raises(CustodyError, match="wrong passphrase"):
        KeyStore.open(path, PASSPHRASE)


def test_a_store_open_while_its_passphrase_changed_does_not_write_under_the_old_one(path: Path) -> None:
    stale = KeyStore.open(path, PASSPHRASE)
    KeyStore.open(path, PASSPHRASE).change_passphrase("another passphrase")
    with pytest.raises(CustodyError, match="open it again"):
        stale.put("more", b"x")


def test_a_failed_write_leaves_the_open_store_as_the_file_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = KeyStore.open(path, PASSPHRASE)
    with monkeypatch.context() as patch:
        patch.setattr("os.rename", lambda *_, **__: (_ for _ in ()).throw(OSError("no space left")))
        with pytest.raises(CustodyError, match="cannot be written"):
            store.change_passphrase("another passphrase")
    store.put("more", b"x")
    assert KeyStore.open(path, PASSPHRASE).names() == store.names() == ("identity", "more")


def test_no_two_writes_use_the_same_nonce(path: Path) -> None:
    store, nonces = KeyStore.open(path, PASSPHRASE), set()
    for number in range(5):
        store.put("more", bytes([number]), replace=True)
        nonces.add(header_of(path)["nonce"])
    assert len(nonces) == 5


def test_a_store_prints_no_secret_and_no_name(path: Path) -> None:
    assert repr(KeyStore.open(path, PASSPHRASE)) == "KeyStore(1 secrets)"


def header_of(path: Path) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(path.read_bytes().partition(b"\n")[0])
    return header


def rewrite(path: Path, **change: Any) -> None:
    header = {k: v for k, v in {**header_of(path), **change}.items() if v is not None}
    path.write_bytes(json.dumps(header).encode() + b"\n" + path.read_bytes().partition(b"\n")[2])


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"iterations": 3}, CustodyError, id="another number of passes"),
        pytest.param({"memory_kib": 20_000}, CustodyError, id="another amount of memory"),
        pytest.param({"lanes": 2}, CustodyError, id="another number of lanes"),
        pytest.param({"salt": "A" * 22 + "=="}, CustodyError, id="another salt"),
        pytest.param({"nonce": "A" * 16}, CustodyError, id="another nonce"),
        pytest.param({}, CustodyError, id="the same header with blanks"),
        pytest.param({"iterations": 1}, KeyFormatError, id="too few passes"),
        pytest.param({"memory_kib": 1 << 30}, KeyFormatError, id="memory to exhaust the machine"),
        pytest.param({"memory_kib": 19_456.0}, KeyFormatError, id="memory that is no whole number"),
        pytest.param({"iterations": True}, KeyFormatError, id="passes that are a truth value"),
        pytest.param({"salt": "AAAA"}, KeyFormatError, id="a salt too short"),
        pytest.param({"salt": 7}, KeyFormatError, id="a salt that is no text"),
        pytest.param({"format": "keystore/2"}, KeyFormatError, id="another version"),
        pytest.param({"kdf": "none"}, KeyFormatError, id="another derivation"),
        pytest.param({"kdf": None}, KeyFormatError, id="a field too few"),
        pytest.param({"more": 1}, KeyFormatError, id="a field too many"),
    ],
)
def test_an_altered_header_is_refused(path: Path, change: dict[str, Any], error: type[KeysError]) -> None:
    rewrite(path, **change)
    with pytest.raises(error):
        KeyStore.open(path, PASSPHRASE)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b"[]\n", id="a list"),
        pytest.param(b"\xff\xfe\n", id="not text"),
        pytest.param(b'{"format":"keystore/1"}', id="no line break"),
        pytest.param(b'{"format":"keystore/1"}\n', id="nothing but the format"),
        pytest.param(b"[" * 100_000 + b"\n", id="brackets enough to end the stack"),
    ],
)
def test_a_file_that_is_no_key_store_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(KeyFormatError) as refusal:
        KeyStore.open(path, PASSPHRASE)
    assert refusal.value.__cause__ is None


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_store_with_any_bit_changed_is_refused(position: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "keys"
        KeyStore.create(path, PASSPHRASE, cost=CHEAP).put("identity", SECRET)
        content = bytearray(path.read_bytes())
        content[position % len(content)] ^= 1 << bit
        path.write_bytes(content)
        with pytest.raises((CustodyError, KeyFormatError)):
            KeyStore.open(path, PASSPHRASE)


def test_the_default_cost_is_that_of_rfc_9106() -> None:
    assert PassphraseCost() == PassphraseCost(memory_kib=65_536, iterations=3, lanes=4)
