"""Media that lie: whatever is in them, they are told of or refused, in bounded time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from cases import iso, udf
from cases import started_media as cases
from cases.udf import Node
from cases.windows_trees import write_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileFacts, FileSource
from osdimage.imaging.media import verify_medium
from osdimage.imaging.media.checked.wims import LARGEST_WIM, read_boot_wim

CATALOG = 26 * 2048


class OneFile(FileSource):
    """A medium of one file."""

    def __init__(self, data: bytes, size: int | None = None) -> None:
        super().__init__("medium")
        self._data = data
        self._facts = FileFacts("boot.wim", is_directory=False, size=size or len(data), attributes=0, modified_ns=None)

    def find(self, path: str) -> FileFacts | None:
        return self._facts if path == "boot.wim" else None

    def list(self, path: str = "") -> list[FileFacts]:
        raise InvalidRequest(path)

    def _read(self, facts: FileFacts) -> bytes:
        return b"".join(self._pieces(facts))

    def _pieces(self, facts: FileFacts) -> Iterator[bytes]:
        yield from (self._data[at : at + 100] for at in range(0, min(facts.size, len(self._data)), 100))


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_wim_with_any_field_of_its_header_changed_is_told_of(wim: bytes, data: st.DataObject) -> None:
    made = bytearray(wim)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 207))
        value = data.draw(st.binary(min_size=1, max_size=8))
        made[at : at + len(value)] = value
    found = read_boot_wim(OneFile(bytes(made)), "boot.wim")
    assert all("\n" not in each.text for each in found.findings)
    assert found.index is not None or found.findings


def test_a_wim_is_read_no_farther_than_a_boot_manager_could(wim: bytes) -> None:
    (found,) = read_boot_wim(OneFile(wim, LARGEST_WIM + 1), "boot.wim").findings
    assert found.code == "wim-too-large"


def test_xml_that_grows_is_not_expanded(wim: bytes) -> None:
    at, size = struct.unpack_from("<QQ", wim, 0x50)[0], struct.unpack_from("<Q", wim, 0x48)[0] & (1 << 56) - 1
    bomb = '\ufeff<!DOCTYPE x [<!ENTITY a "aaaa">]><WIM>&a;</WIM>'.encode("utf-16-le")
    data = wim[:at] + bomb.ljust(size, b"\0") + wim[at + size :]
    (found,) = read_boot_wim(OneFile(data), "boot.wim").findings
    assert "declares a document type" in found.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_disc_with_anything_in_its_boot_catalog_is_told_of(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "disc.iso"
    if not path.exists():
        cases.make_disc(path, cases.medium_files(b"none", efisys=b"none"))
    made = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        made[CATALOG + data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
    words = struct.unpack_from("<16H", made, CATALOG)
    struct.pack_into("<H", made, CATALOG + 28, -(sum(words) - words[14]) & 0xFFFF)
    bad = tmp_path / "bad.iso"
    bad.write_bytes(made)
    assert all("\n" not in each.text for each in verify_medium(bad).findings)


def test_a_boot_catalog_without_an_end_is_looked_at_as_far_as_firmware_would(tmp_path: Path) -> None:
    entries = [iso.section(0x91, 0xEF, 400), *(iso.boot_entry(0x88, 0, 0xFFFF, 20) for _ in range(400))]
    made = iso.build(iso.Node(children=[]), catalog=iso.catalog_of(iso.boot_entry(0x88, 0, 4, 20), *entries))
    (tmp_path / "disc.iso").write_bytes(made.data)
    report = verify_medium(tmp_path / "disc.iso")
    codes = [each.code for each in report.findings]
    assert "catalog-long" in codes
    assert len(codes) < 40


def test_a_store_that_starts_very_many_wims_is_looked_at_in_part(tmp_path: Path, wim: bytes) -> None:
    many = {f"sources/{number}.wim": wim for number in range(20)}
    files = cases.medium_files(wim) | many | {"boot/bcd": cases.store_of_many("exe", tuple(many))}
    report = verify_medium(write_tree(tmp_path / "medium", files))
    assert [each.code for each in report.findings if each.severity != "note"] == ["wims-many"]


def test_a_directory_in_itself_is_told(tmp_path: Path) -> None:
    made = udf.build(Node(children=[Node("dir", children=[Node("file", b"x" * 5000)])]))
    (begin,) = struct.unpack_from("<I", made.data, made.entries["/dir"] + 180)
    at = (udf.PARTITION + begin) * 2048 + made.names["/dir/file"]
    made.patch(at + 24, "I", made.entries["/dir"] // 2048 - udf.PARTITION)
    made.seal(at)
    (tmp_path / "loop.udf").write_bytes(made.data)
    report = verify_medium(tmp_path / "loop.udf")
    assert "disc-damaged" in {each.code for each in report.findings}
