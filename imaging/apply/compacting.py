r"""Which files of an image are compressed as a whole when it is applied (CompactOS), and which are not.

The boot loader reads files by code of its own, before Windows has the driver that expands them: what it may load stays
plain.  That is what the image itself lists under ``[PrepopulateList]`` of ``\Windows\System32\WimBootCompress.ini``,
and a list that is always used: loaders, kernel, HAL, their libraries, code pages, keyboards, boot drivers and hives.
(The names are those that wimlib's manual and source, src/win32_apply.c, give for ``wimapply --compact``.)
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass

from osdimage.imaging import wof
from osdimage.imaging.errors import InvalidInput, OsdImageError
from osdimage.imaging.wim.image import WimImage
from osdimage.native.engine.bulk import Compacting
from osdimage.native.runtime import Compression

_INI = "Windows/System32/WimBootCompress.ini"
_LARGEST_INI = 1 << 20
# Windows lists some dozens.  Each is compared with the path of every file.
_MOST_PATTERNS, _LONGEST_PATTERN = 500, 1000
_SECTION = "prepopulatelist"
_SYSTEM = r"\Windows\System32"
# As the default of a WIM of ours: libwim's 50 takes five times as long for two percent.
_LEVELS = {Compression.LZX: 20, Compression.XPRESS: 50}

_NEVER = (
    *("*winload.*", "*winresume.*", r"\bootmgr", r"\bootnxt", r"\Boot\*", r"\EFI\*", r"\Windows\bootstat.dat"),
    *(r"\Windows\Boot\*", r"\Windows\AppPatch\drvmain.sdb", r"\Windows\INF\errata.inf"),
    *(r"\Windows\Fonts\vgaoem.fon", r"\Windows\Fonts\vgasys.fon", rf"{_SYSTEM}\config\*"),
    *(rf"{_SYSTEM}\{name}.exe" for name in ("ntoskrnl", "ntkrnlpa", "ntkrla57", "securekernel", "tcblaunch")),
    *(rf"{_SYSTEM}\{name}.dll" for name in ("bootvid", "ci", "hal*", "pshed", "apisetschema", "KernelBase")),
    *(rf"{_SYSTEM}\{name}.dll" for name in ("mcupdate_*", "api-ms-win*", "ext-ms-win*", "kbd*", "kd*")),
    *(rf"{_SYSTEM}\drivers\*.sys", rf"{_SYSTEM}\*.nls", rf"{_SYSTEM}\clfs.sys"),
    rf"{_SYSTEM}\CodeIntegrity\driver.stl",
    # Hives that are loaded with whoever logs on, their logs, and what Windows keeps its memory in.
    *("ntuser.dat*", "usrclass.dat*", r"\pagefile.sys", r"\swapfile.sys", r"\hiberfil.sys"),
)


@dataclass(frozen=True, slots=True)
class Compacted:
    """What was compressed.

    Attributes:
        files: how many files.
        size: bytes of the clusters that they would take plain.
        stored: bytes of the clusters that they take.
    """

    files: int
    size: int
    stored: int


class CompactRule:
    """Tells which files stay plain."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        """Take more patterns than those that always hold; one without a separator in front fits a name anywhere."""
        self._plain = re.compile("|".join(f"(?:{_regex(each)})" for each in (*_NEVER, *more)), re.IGNORECASE)

    @classmethod
    def of(cls, image: WimImage) -> CompactRule:
        """Return the rule of an image: with what it lists itself, where that can be read.

        Raises:
            InvalidInput: when it lists more than anybody would compare the path of each file with.
        """
        try:
            data = image.files().read(_INI, _LARGEST_INI)
        except OsdImageError:
            # Most have none.
            return cls()
        found = prepopulated(data)
        if len(found) > _MOST_PATTERNS or any(len(each) > _LONGEST_PATTERN for each in found):
            raise InvalidInput(
                f"{image.path}: image {image.index}: {_INI} lists {len(found)} patterns of files that stay plain, of "
                f"up to {max(map(len, found))} characters; at most {_MOST_PATTERNS} of {_LONGEST_PATTERN} are possible"
            )
        return cls(found)

    def stays_plain(self, path: str) -> bool:
        """Tell whether a file is never compressed, by its path from the root, separated by ``/``."""
        return self._plain.fullmatch(path) is not None


def prepopulated(data: bytes) -> tuple[str, ...]:
    """Return the patterns of ``[PrepopulateList]``."""
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    section, found = "", []
    for raw in data.decode(encoding, "replace").splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip().casefold()
        elif line and not line.startswith((";", "#")) and section == _SECTION:
            found.append(line)
    return tuple(found)


def compacting(algorithm: wof.Algorithm) -> Compacting:
    """Return how the engine compresses."""
    kind = Compression.LZX if algorithm is wof.Algorithm.LZX else Compression.XPRESS
    return Compacting(algorithm.value, algorithm.chunk_size, kind, _LEVELS[kind])


def _regex(pattern: str) -> str:
    text = pattern.replace("\\", "/").strip('"')
    return fnmatch.translate(text if text.startswith("/") else f"*/{text}")
