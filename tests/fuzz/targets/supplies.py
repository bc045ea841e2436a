"""Archives that drivers come in."""

from __future__ import annotations

import io
import zipfile

from osdimage.imaging.drivers.supplied.members import SupplyLimits
from osdimage.imaging.drivers.supplied.zipped import open_zip

from fuzz.places import as_file
from fuzz.target import Target

_LIMITS = SupplyLimits(total_bytes=1 << 22, members=1000)


def _read(data: bytes) -> None:
    with open_zip(as_file(data), "x.zip", _LIMITS) as files:
        if files is None:
            return
        found = [each for each in files.walk() if not each.is_directory]
        assert sum(each.size for each in found) == files.total_bytes
        for each in found:
            assert len(files.read(each.path)) == each.size


def _seeds() -> list[bytes]:
    made = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("net.inf", b"; an INF")
            archive.writestr("amd64/net.sys", bytes(300))
            archive.mkdir("empty")
        made.append(file.getvalue())
    return made


TARGETS = (Target("zip", _read, _seeds),)
