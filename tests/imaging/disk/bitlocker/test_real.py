"""Volumes that Windows encrypted: not part of this repository, since they are of other projects.

    git clone --depth 1 https://gitlab.com/cryptsetup/cryptsetup
    tar -xJf cryptsetup/tests/bitlk-images.tar.xz -C /tmp
    git clone --depth 1 https://github.com/fox-it/dissect.fve && cp dissect.fve/tests/_data/bde/* /tmp/bitlk-images
    OSDIMAGE_BITLOCKER_IMAGES=/tmp/bitlk-images pytest tests/imaging/disk/bitlocker/test_real.py

cryptsetup's ``images.conf`` has the keys, and the SHA-256 of what each volume reads as.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from judges.bitlocker import by_libbde
from osdimage.imaging.disk.bitlocker.facts import Condition
from osdimage.imaging.disk.bitlocker.keys import KeyRing, read_keys
from osdimage.imaging.disk.content import Content
from osdimage.imaging.disk.opening import Opening
from osdimage.imaging.disk.places import open_volume
from osdimage.imaging.disk.volume import OpenVolume

IMAGES = Path(os.environ.get("OSDIMAGE_BITLOCKER_IMAGES", "/nonexistent"))
pytestmark = [pytest.mark.foreign, pytest.mark.slow]
if not IMAGES.is_dir():
    pytestmark.append(pytest.mark.skip(reason="OSDIMAGE_BITLOCKER_IMAGES names no folder"))
# Of dissect.fve's tests (tests/bde/test_bde.py).
PASSWORD = b"password12!@"
KEYS = {
    "aes_128": PASSWORD,
    "aes_256": PASSWORD,
    "aes_128_diffuser": PASSWORD,
    "aes_256_diffuser": PASSWORD,
    "aes-xts_128": PASSWORD,
    "aes-xts_256": PASSWORD,
    "recovery_password": b"284867-596541-514998-422114-660297-261613-215424-199408",
    "recovery_key": None,
    "startup_key": None,
}


def of_cryptsetup() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what ``images.conf`` says of each image, in the words of a shell."""
    text = (IMAGES / "images.conf").read_text() if (IMAGES / "images.conf").exists() else ""
    for name, facts in re.findall(r"^\[(.+)\]\n((?:.*=.*\n)+)", text, re.MULTILINE):
        yield name, dict(line.split("=", 1) for line in facts.splitlines())


def keys_of(facts: dict[str, str]) -> list[bytes | None]:
    found: list[bytes | None] = [facts[each].encode() for each in ("PW", "RP", "RP2") if facts.get(each)]
    if "SK_VMK_GUID" in facts:
        found.append((IMAGES / f"{facts['SK_VMK_GUID'].upper()}.BEK").read_bytes())
    return found if "CLEARKEY_VMK_GUID" not in facts else [None]


def digest(volume: OpenVolume) -> str:
    found, window = hashlib.sha256(), volume.window()
    size = window.geometry.size_bytes
    for at in range(0, size, 1 << 20):
        found.update(window.read_at(at, min(1 << 20, size - at)))
    return found.hexdigest()


@pytest.mark.parametrize(("name", "facts"), [pytest.param(*each, id=each[0]) for each in of_cryptsetup()])
def test_every_key_reads_what_cryptsetup_reads(name: str, facts: dict[str, str]) -> None:
    for key in keys_of(facts):
        ring = None if key is None else KeyRing(read_keys(key, name=name))
        with open_volume(IMAGES / f"{name}.img", opening=Opening(keys=ring)) as volume:
            assert volume.encryption is not None
            if facts["SHA256SUM"]:
                assert digest(volume) == facts["SHA256SUM"]
            else:
                assert volume.encryption.condition is Condition.CHANGING
                assert volume.content is Content.BITLOCKER


@pytest.mark.parametrize("name", KEYS)
def test_it_reads_what_libbde_reads(name: str, tmp_path: Path) -> None:
    path, bek = tmp_path / name, IMAGES / f"{name}.bek"
    path.write_bytes(gzip.decompress((IMAGES / f"{name}.bin.gz").read_bytes()))
    key = KEYS[name]
    ring = KeyRing(read_keys(key or bek.read_bytes(), name=name))
    if key is None:
        seen = by_libbde(path, bek=bek)
    elif key == PASSWORD:
        seen = by_libbde(path, password=PASSWORD.decode())
    else:
        seen = by_libbde(path, recovery=key.decode())
    with open_volume(path, opening=Opening(keys=ring)) as volume:
        assert digest(volume) == hashlib.sha256(seen).hexdigest()


@pytest.mark.parametrize("name", ["vista", "decrypted", "eow_partial"])
def test_what_is_not_read_says_so(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.decompress((IMAGES / f"{name}.bin.gz").read_bytes()))
    with open_volume(path, opening=Opening(keys=KeyRing(read_keys(PASSWORD, name=name)))) as volume:
        assert volume.content is Content.BITLOCKER
        assert re.search("Windows Vista|is being encrypted or decrypted", volume.described)
