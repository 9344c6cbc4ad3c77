"""Secret files: made once, readable by their owner alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hub.errors import AlreadyInitialisedError, NotInitialisedError, UnsafeSecretError
from hub.secrets import IDENTITY_FILE, PEPPER_FILE, load_identity, load_pepper_key, make_secrets


def test_new_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    identity = make_secrets(tmp_path)
    for name in (IDENTITY_FILE, PEPPER_FILE):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert load_identity(tmp_path).public == identity.public
    assert len(load_pepper_key(tmp_path)) == 32
    assert identity.public.exchange_key == b""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602], ids=oct)
def test_a_secret_others_have_access_to_is_refused(tmp_path: Path, mode: int) -> None:
    make_secrets(tmp_path)
    (tmp_path / PEPPER_FILE).chmod(mode)
    with pytest.raises(UnsafeSecretError, match=r"pepper\.key: others than its owner"):
        load_pepper_key(tmp_path)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_secret_of_another_length_is_refused_without_showing_it(tmp_path: Path, size: int) -> None:
    path = tmp_path / PEPPER_FILE
    path.touch(mode=0o600)
    path.write_bytes(b"x" * size)
    with pytest.raises(UnsafeSecretError) as caught:
        load_pepper_key(tmp_path)
    assert "xx" not in str(caught.value)


def test_a_missing_secret_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotInitialisedError, match="knownto hub init"):
        load_identity(tmp_path)


def test_secrets_are_never_overwritten(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    before = load_pepper_key(tmp_path)
    with pytest.raises(AlreadyInitialisedError):
        make_secrets(tmp_path)
    assert load_pepper_key(tmp_path) == before
