"""Tables of computers."""

from __future__ import annotations

from collections.abc import Iterator

from osdimage.imaging.inventory import TableForm, read_table

from fuzz.target import Target

_FORM = TableForm(further=("script",))


def _table(data: bytes) -> None:
    found = read_table(data, _FORM, source="x")
    assert found.computers
    assert len({each.name.lower() for each in found.computers}) == len(found.computers)
    for each in found.computers:
        assert each.smbios_guid or each.mac_addresses
        # What is read goes into names of files and into configurations, a line each.
        texts = (each.name, *each.mac_addresses, *(text for pair in (*each.variables, *each.further) for text in pair))
        assert all(text and "\n" not in text and "\0" not in text for text in texts)


def _table_seeds() -> Iterator[bytes]:
    yield b"NEWCOMP1,55555555-5555-5555-5555-555555555555,05:06:07:08:09:0A\n"
    yield "Name;MAC Address;var:OSDTimeZone;Script\nPC1;00155D010203 00-15-5D-01-02-04;UTC;a.ipxe\n".encode("utf-16")
    yield b'"PC1","{55555555555555555555555555555555}","0015.5d01.0203"\r\n'


TARGETS = (Target("inventory-table", _table, _table_seeds),)
