"""How a WIM is compressed: format, level, chunk size, solid or not."""

from __future__ import annotations

from dataclasses import dataclass

from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.units import KIB, MIB, format_size
from osdimage.native.runtime import Compression

__all__ = ["DEFAULT_LEVELS", "Compression", "CompressionSpec"]

# Measured on trees of 50,000 files and more (benchmarks/README.md): libwim's own LZX level (50) takes about five times
# as long for two percent fewer bytes.  XPRESS and LZMS gain too little from another level than libwim's.
DEFAULT_LEVELS = {Compression.LZX: 20}

# Smallest, default and largest chunk (wimlib.h, wimlib_set_output_chunk_size); the default is what Windows uses.
_CHUNKS = {
    Compression.XPRESS: (4 * KIB, 32 * KIB, 64 * KIB),
    Compression.LZX: (32 * KIB, 32 * KIB, 2 * MIB),
    Compression.LZMS: (32 * KIB, 128 * KIB, 256 * MIB),
}
_HIGHEST_LEVEL = 100
# What DISM (/Compress) and wimlib-imagex (--compress) call them.  Not "recovery": DISM's is solid, wimlib-imagex's not.
_ALIASES = {"fast": "xpress", "max": "lzx", "maximum": "lzx"}


@dataclass(frozen=True, slots=True)
class CompressionSpec:
    """A compression format and how hard to try.

    Attributes:
        format: NONE, XPRESS, LZX or LZMS.
        level: 1 (fastest) to 100 (smallest), libwim's scale; None for the default, which is libwim's except for LZX.
        solid: compress all files together, as in an ESD: smaller, slower, and unsuited to updates.
        chunk_size: bytes that are compressed together, a power of two; None for the format's default.
    """

    format: Compression = Compression.LZX
    level: int | None = None
    solid: bool = False
    chunk_size: int | None = None

    def __post_init__(self) -> None:
        """Check the level and the chunk size.

        Raises:
            InvalidRequest: with the valid values.
        """
        name = self.format.name.lower()
        if self.format is Compression.NONE:
            if self.level is not None or self.solid or self.chunk_size is not None:
                raise InvalidRequest("compression none has no level, no chunk size and cannot be solid")
            return
        if self.level is not None and not 1 <= self.level <= _HIGHEST_LEVEL:
            raise InvalidRequest(f"compression level {self.level} is outside 1 to {_HIGHEST_LEVEL}")
        smallest, _, largest = _CHUNKS[self.format]
        size = self.chunk_size
        if size is not None and not (smallest <= size <= largest and size & (size - 1) == 0):
            raise InvalidRequest(
                f"chunk size {size} does not suit {name}: a power of two from {format_size(smallest)} to "
                f"{format_size(largest)}"
            )

    @classmethod
    def parse(cls, text: str) -> CompressionSpec:
        """Read ``none``, ``xpress``, ``lzx`` or ``lzms``, with ``:LEVEL`` if wanted.

        Also ``fast`` (xpress), ``max`` and ``maximum`` (lzx), as DISM and wimlib-imagex call them.

        Raises:
            InvalidRequest: with the valid values.
        """
        name, colon, level = text.partition(":")
        word = name.strip().lower()
        if word == "recovery":
            raise InvalidRequest("recovery is lzms here, and solid in an .esd, as DISM makes it")
        try:
            kind = Compression[_ALIASES.get(word, word).upper()]
        except KeyError:
            raise InvalidRequest(f"unknown compression {name!r}; choose none, xpress, lzx or lzms") from None
        if colon and not (level.isascii() and level.isdigit()):
            raise InvalidRequest(f"compression level {level!r} is not a number from 1 to {_HIGHEST_LEVEL}")
        return cls(kind, int(level) if colon else None)

    @property
    def default_chunk_size(self) -> int | None:
        """The size of a chunk where none is given, in bytes; None where nothing is compressed."""
        sizes = _CHUNKS.get(self.format)
        return None if sizes is None else sizes[1]

    @property
    def native_level(self) -> int:
        """The level for libwim: 0 is its own default."""
        return self.level if self.level is not None else DEFAULT_LEVELS.get(self.format, 0)

    def setup_warnings(self, file_name: str) -> tuple[str, ...]:
        """Say what makes a file of this name and compression one that Windows Setup or DISM is known to reject.

        Sources: wimlib's documentation of ``--chunk-size`` and ``--solid``, and ebiggers/wimlib issue 16.
        """
        found = []
        if self.chunk_size is not None and self.chunk_size != _CHUNKS[self.format][1] and not self.solid:
            found.append(
                f"a chunk size of {format_size(self.chunk_size)} is not the default; Windows Setup and DISM reject "
                "such WIMs"
            )
        is_esd = file_name.lower().endswith(".esd")
        if self.solid and not is_esd:
            found.append("a solid WIM is an ESD to Windows; Setup takes it only under a name that ends in .esd")
        elif self.format is Compression.LZMS and not is_esd:
            found.append("Windows Setup takes LZMS only in an .esd; for a .wim choose lzx or xpress")
        return tuple(found)
