from __future__ import annotations

import copy
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from cases import bitlocker as maker
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.disk.bitlocker.keys import KeyKind, KeyRing, UnlockKey, read_keys
from osdimage.imaging.disk.bitlocker.secret import Secret
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError

# from dissect.fve.bde.key: derive_recovery_key(RECOVERY).hex(), derive_user_key(PASSWORD).hex()
HASHED_RECOVERY = "d3e6528e77d91059ae7191c064c6c971eff64be24141d1e7c855c3390a84dee6"
HASHED_TWICE = "2dd8bd1b6f8fba5235a10ec8b6b046ae4022403690ac2564fc87d12d3ce0b9e5"
# What Windows 10 saves, in UTF-16.
SAVED = f"""BitLocker Drive Encryption recovery key\r
\r
To verify that this is the correct recovery key, compare the start of the following identifier.\r
\r
Identifier:\r
\r
\t9992CF6C-6934-1017-135F-3F0DF7CC43C5\r
\r
Recovery Key:\r
\r
\t{maker.RECOVERY}\r
"""


def key_of(data: bytes) -> UnlockKey:
    (key,) = read_keys(data, name="key")
    return key


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(maker.RECOVERY.encode(), id="alone"),
        pytest.param(maker.RECOVERY.encode() + b"\n", id="a line"),
        pytest.param(maker.RECOVERY.replace("-", " ").encode(), id="with blanks"),
        pytest.param(SAVED.encode("utf-16"), id="as Windows saves it"),
        pytest.param(b"\xef\xbb\xbf" + SAVED.encode(), id="in UTF-8 with a mark"),
        # manage-bde -protectors -get C:
        pytest.param(
            f"    Numerical Password:\n      ID: {{X}}\n      Password:\n        {maker.RECOVERY}\n".encode(), id="list"
        ),
    ],
)
def test_a_recovery_password_is_found(data: bytes) -> None:
    key = key_of(data)
    assert key.kind is KeyKind.RECOVERY_PASSWORD
    assert bytes(key.secret.reveal()).hex() == HASHED_RECOVERY


@pytest.mark.parametrize(
    "data", [maker.PASSWORD.encode(), maker.PASSWORD.encode() + b"\n", maker.PASSWORD.encode("utf-16")]
)
def test_any_other_line_is_a_password(data: bytes) -> None:
    key = key_of(data)
    assert key.kind is KeyKind.PASSWORD
    assert bytes(key.secret.reveal()).hex() == HASHED_TWICE


def test_a_startup_key_is_told_by_its_header() -> None:
    key = key_of(maker.startup_key())
    assert (key.kind, key.identifier) == (KeyKind.STARTUP_KEY, maker.STARTUP_PROTECTOR.identifier)
    assert key.secret.reveal() == maker.EXTERNAL_KEY


def test_several_recovery_passwords_are_several_keys() -> None:
    other = maker.RECOVERY.replace("000011", "000022")
    assert len(read_keys(f"{maker.RECOVERY}\n{other}\n{other}\n".encode(), name="key")) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("000012-440000-720885-135795-000000-008547-344707-597531", "group 1 of the recovery password is wrong"),
        ("000011-440000-720885-135795-000000-008547-344707-597532", "group 8 of the recovery password is wrong"),
        # 65536 times 11: libyal, "BitLocker Drive Encryption (BDE) format", 5.3.
        ("000011-440000-720896-135795-000000-008547-344707-597531", "group 3 of the recovery password is wrong"),
        ("000011-440000-72088-135795-000000-008547-344707-597531", "group 3 of the recovery password has 5 digits"),
        ("000011-440000-720885-135795-000000-008547-344707", "8 groups of 6 digits, not 7"),
    ],
)
def test_a_mistyped_recovery_password_is_named_by_its_group_and_not_shown(text: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_keys(text.encode(), name="key")
    assert said in str(caught.value)
    assert "720885" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no key"),
        (b"\n\n", "holds no key"),
        (b"a" * 300, "holds no key"),
        (b"one line\nand another\n", "holds 2 lines and no recovery password"),
        (b"\xff\x00\xd8\x81", "neither a startup key nor text"),
        (maker.startup_key()[:-1], "is cut"),
    ],
)
def test_what_is_no_key_is_refused_without_showing_it(data: bytes, said: str) -> None:
    with pytest.raises(OsdImageError) as caught:
        read_keys(data, name="key")
    assert said in str(caught.value)
    assert "another" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_whatever_a_startup_key_says_it_is_read_or_refused(at: int, junk: bytes) -> None:
    data = bytearray(maker.startup_key())
    data[at : at + len(junk)] = junk
    try:
        read_keys(data, name="key")
    except (InvalidInput, InvalidRequest):
        return


def test_a_secret_is_shown_by_nothing_and_is_not_copied() -> None:
    with Secret(b"swordfish") as secret:
        key = UnlockKey(KeyKind.PASSWORD, secret)
        assert "swordfish" not in f"{secret} {secret!r} {key} {key!r} {KeyRing((key,))!r}"
        for copied in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                copied(secret)
        data = secret.reveal()
    assert data == bytes(9)


def test_while_there_is_a_secret_nobody_may_look_into_this_process() -> None:
    def dumpable() -> int:
        import ctypes  # noqa: PLC0415 - to ask the system itself

        return int(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))

    assert dumpable() == 1
    first, second = Secret(b"one"), Secret(b"two")
    assert dumpable() == 0
    first.wipe()
    assert dumpable() == 0
    second.wipe()
    second.wipe()
    assert dumpable() == 1


def test_a_partition_gets_its_own_keys_first() -> None:
    keys = [read_keys(maker.startup_key(), name="key", partition=number)[0] for number in (None, 2, 3)]
    ring = KeyRing(tuple(keys))
    assert ring.for_partition(3) == (keys[2], keys[0])
    assert ring.for_partition(None) == (keys[0],)


ABORTING = "import os; from osdimage.imaging.disk.bitlocker.secret import Secret; held = {}; os.abort()"


def leaves_a_core(held: str, folder: Path) -> bool:
    """Let a process end by a signal that dumps its memory; tell whether it did."""
    limited = "import resource; resource.setrlimit(resource.RLIMIT_CORE, (64 << 20, 64 << 20)); "
    with subprocess.Popen([sys.executable, "-c", limited + ABORTING.format(held)], cwd=folder) as process:
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return os.WCOREDUMP(status)


def test_a_process_that_holds_a_key_leaves_no_core_file(tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 or not leaves_a_core("None", tmp_path):
        pytest.skip("no process leaves a core file here")
    assert not leaves_a_core("Secret(b'swordfish')", tmp_path)
