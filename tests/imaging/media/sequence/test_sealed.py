"""Files that a password opens; PyCryptodome, which shares no line with what seals them, opens them too."""

from __future__ import annotations

import os
import struct
import sys

import pytest
from Crypto.Cipher import AES
from Crypto.Protocol.KDF import scrypt
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidInput, InvalidRequest, OsdImageError
from osdimage.imaging.media.sequence.sealed import (
    LARGEST_SEALED,
    Stretching,
    checked_password,
    is_sealed,
    password_in,
    require_crypto,
    seal,
    sealed_bytes,
    unseal,
)

PASSWORD = "Zwölf Boxkämpfer"  # noqa: S105 - it opens nothing
QUICK = Stretching(log_n=4, r=1)
HEAD = 44


def opened_by_pycryptodome(sealed: bytes, password: str) -> bytes:
    """Open a file by what the page on its format says, and nothing else."""
    magic, version, derivation, log_n, r, p, zeros = struct.unpack_from("<8sHBBBBH", sealed)
    assert (magic, version, derivation, zeros) == (b"OSDIMENC", 1, 1, 0)
    salt, nonce = sealed[16:32], sealed[32:44]
    key = scrypt(password.encode(), salt, 32, N=1 << log_n, r=r, p=p)
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce)
    cipher.update(sealed[:HEAD])
    plain = cipher.decrypt_and_verify(sealed[HEAD:-16], sealed[-16:])
    assert len(plain) % 4096 == 0
    (length,) = struct.unpack_from("<Q", plain)
    assert not any(plain[8 + length :])
    return bytes(plain[8 : 8 + length])


def sealed_by_pycryptodome(plain: bytes, password: str, stretching: Stretching) -> bytes:
    """Seal a file by what the page on its format says; ``plain`` has its length in front, and its zeros."""
    salt, nonce = bytes(range(16)), bytes(range(12))
    head = struct.pack("<8sHBBBBH", b"OSDIMENC", 1, 1, stretching.log_n, stretching.r, stretching.p, 0) + salt + nonce
    key = scrypt(password.encode(), salt, 32, N=1 << stretching.log_n, r=stretching.r, p=stretching.p)
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce)
    cipher.update(head)
    encrypted, tag = cipher.encrypt_and_digest(plain)
    return head + encrypted + tag


@pytest.mark.parametrize("size", [0, 1, 4087, 4088, 4089, 100_000])
def test_another_program_opens_what_is_sealed(size: int) -> None:
    contents = os.urandom(size)
    sealed = seal(contents, checked_password(PASSWORD), stretching=QUICK)
    assert opened_by_pycryptodome(sealed, PASSWORD) == contents
    assert len(sealed) == sealed_bytes(size)
    assert is_sealed(sealed)
    assert unseal(sealed, checked_password(PASSWORD), name="x") == contents


def test_what_another_program_sealed_is_opened() -> None:
    plain = struct.pack("<Q", 5) + b"value" + bytes(4096 - 13)
    sealed = sealed_by_pycryptodome(plain, PASSWORD, Stretching(6, 3, 2))
    assert unseal(sealed, checked_password(PASSWORD), name="x") == b"value"


def test_the_usual_parameters_are_those_of_the_page() -> None:
    sealed = seal(b"x", checked_password(PASSWORD))
    # RFC 7914: N = 2**17, r = 8, p = 1: 128 MiB.
    assert sealed[:16] == b"OSDIMENC" + bytes([1, 0, 1, 17, 8, 1, 0, 0])
    assert Stretching().memory == 128 << 20
    assert unseal(sealed, checked_password(PASSWORD), name="x") == b"x"


def test_the_same_contents_are_sealed_otherwise_each_time_and_none_of_them_is_seen() -> None:
    contents = b"OSDJoinPassword"
    one, other = (seal(contents, checked_password(PASSWORD), stretching=QUICK) for _ in range(2))
    assert one[16:44] != other[16:44]
    assert contents not in one
    # The lengths of contents up to 4088 bytes are not told apart.
    assert len(one) == len(seal(bytes(4088), checked_password(PASSWORD), stretching=QUICK))


SEALED = seal(b"value", checked_password(PASSWORD), stretching=QUICK)


@settings(max_examples=200)
@given(st.integers(0, len(SEALED) * 8 - 1))
def test_no_bit_can_be_changed(bit: int) -> None:
    changed = bytearray(SEALED)
    changed[bit // 8] ^= 1 << bit % 8
    # Of the parameters, what takes memory is refused; see below.
    if changed[11] <= 8 and changed[12] <= 16 and changed[13] <= 4:
        with pytest.raises(InvalidInput):
            unseal(bytes(changed), checked_password(PASSWORD), name="x")


def test_a_wrong_password_and_a_changed_byte_are_one_error() -> None:
    told = "x: does not open: wrong password, or the file was changed"
    with pytest.raises(InvalidInput) as wrong:
        unseal(SEALED, checked_password(PASSWORD + "!"), name="x")
    with pytest.raises(InvalidInput) as changed:
        unseal(SEALED[:-1] + bytes([SEALED[-1] ^ 1]), checked_password(PASSWORD), name="x")
    assert (str(wrong.value), str(changed.value)) == (told, told)


def with_head(
    *, log_n: int = 4, r: int = 1, p: int = 1, version: int = 1, derivation: int = 1, zeros: int = 0
) -> bytes:
    return struct.pack("<8sHBBBBH", b"OSDIMENC", version, derivation, log_n, r, p, zeros) + SEALED[16:]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        pytest.param(b"", "does not begin with OSDIMENC", id="nothing"),
        pytest.param(b"<?xml" + bytes(5000), "does not begin with OSDIMENC", id="another"),
        pytest.param(SEALED[:100], "which no sealed file has", id="cut"),
        pytest.param(SEALED[:-4096], "which no sealed file has", id="without-contents"),
        pytest.param(SEALED + b"x", "which no sealed file has", id="grown"),
        pytest.param(with_head(version=2), "is sealed in version 2 with key derivation 1", id="version"),
        pytest.param(with_head(derivation=2), "is sealed in version 1 with key derivation 2", id="derivation"),
        pytest.param(with_head(zeros=1), "is sealed in version 1", id="not-zero"),
        pytest.param(with_head(log_n=0), "asks for scrypt with log2 N = 0", id="no-work"),
        pytest.param(with_head(log_n=21), "asks for scrypt with log2 N = 21", id="n"),
        pytest.param(with_head(r=0), "r = 0", id="no-block"),
        pytest.param(with_head(r=17), "r = 17", id="r"),
        pytest.param(with_head(p=5), "p = 5", id="p"),
        pytest.param(with_head(log_n=20, r=16), "with at most 1.0 GB of memory", id="memory"),
    ],
)
def test_what_is_no_sealed_file_is_refused_before_memory_is_taken(data: bytes, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        unseal(data, checked_password(PASSWORD), name="disc: variables.json.enc")
    assert told in str(caught.value)
    assert str(caught.value).startswith("disc: variables.json.enc: ")


def test_a_length_that_the_contents_do_not_have_is_damage() -> None:
    sealed = sealed_by_pycryptodome(struct.pack("<Q", 4089) + bytes(4088), PASSWORD, QUICK)
    with pytest.raises(InvalidInput, match="it says of itself that it holds more than it has"):
        unseal(sealed, checked_password(PASSWORD), name="x")


def test_what_is_too_large_is_neither_sealed_nor_opened() -> None:
    with pytest.raises(InvalidRequest, match=r"what is to be sealed has 64\.0 MB; it takes up to 64\.0 MB"):
        seal(bytes(LARGEST_SEALED), checked_password(PASSWORD), stretching=QUICK)
    with pytest.raises(InvalidInput, match="is larger than"):
        unseal(SEALED + bytes(LARGEST_SEALED), checked_password(PASSWORD), name="x")
    with pytest.raises(InvalidRequest, match="the parameters of scrypt are not valid"):
        seal(b"", checked_password(PASSWORD), stretching=Stretching(log_n=21))


def test_without_the_module_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    for work in (
        require_crypto,
        lambda: seal(b"", checked_password(PASSWORD), stretching=QUICK),
        lambda: unseal(SEALED, checked_password(PASSWORD), name="x"),
    ):
        with pytest.raises(OsdImageError, match=r"cryptography is missing, .*osdimage\[crypto\]"):
            work()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the password is empty"),
        ("seven77", "the password has 7 characters, and who has the medium can try all of that length"),
        # Eight code points, and four letters.
        ("u\u0308u\u0308u\u0308u\u0308", "the password has 4 characters"),
        ("with\na line", "is not one line"),
        ("with\0zero", "is not one line"),
        ("x" * 1025, "has 1025 characters; valid are up to 1024"),
        ("\ud800" * 8, "it holds half a surrogate pair"),
    ],
    ids=repr,
)
def test_a_password_that_does_not_do_is_refused_and_not_shown(text: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_password(text)
    assert told in str(caught.value)
    assert not text or text not in str(caught.value)


def test_a_weak_password_is_taken_by_who_wants_it() -> None:
    assert checked_password("seven77", allow_weak=True) == b"seven77"


def test_a_password_is_the_same_however_its_letters_are_put_together() -> None:
    assert checked_password("Zwo\u0308lf Boxka\u0308mpfer") == checked_password(PASSWORD) == PASSWORD.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"swordfish",
        b"swordfish\n",
        b"swordfish\r\n",
        b"\xef\xbb\xbfswordfish\n",
        "\ufeffswordfish\n".encode("utf-16-le"),
    ],
)
def test_a_file_has_its_password_in_one_line(data: bytes) -> None:
    assert password_in(data, name="x") == "swordfish"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"two\nlines\n", "holds several lines"),
        (b"x" * 4097, "is too large to hold a password"),
        (b"swordfish\xff", "is not a text file in UTF-8"),
    ],
)
def test_a_file_that_is_none_of_a_password_is_refused_and_not_shown(data: bytes, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        password_in(data, name="secret.txt")
    assert told in str(caught.value)
    assert "swordfish" not in str(caught.value)
