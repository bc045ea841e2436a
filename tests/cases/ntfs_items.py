"""Files and directories with everything that NTFS has and Unix has not, made with the ntfs-3g driver (FUSE).

The driver's extended attributes are those of "ntfs-3g Extended Attributes" (github.com/tuxera/ntfs-3g/wiki).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

# ---- security descriptors ([MS-DTYP] 2.4)


def sid(authority: int, *parts: int) -> bytes:
    return struct.pack("<BB6s", 1, len(parts), authority.to_bytes(6, "big")) + b"".join(
        struct.pack("<I", part) for part in parts
    )


ADMINISTRATORS = sid(5, 32, 544)
SYSTEM = sid(5, 18)
EVERYONE = sid(1, 0)
SOMEBODY = sid(5, 21, 1111111111, 2222222222, 3333333333, 1001)
ALLOW, DENY, AUDIT = 0, 1, 2


def ace(kind: int, flags: int, mask: int, who: bytes) -> bytes:
    return struct.pack("<BBHI", kind, flags, 8 + len(who), mask) + who


def acl(*aces: bytes) -> bytes:
    body = b"".join(aces)
    return struct.pack("<BBHHH", 2, 0, 8 + len(body), len(aces), 0) + body


def descriptor(owner: bytes, group: bytes, dacl: bytes | None, *, sacl: bytes | None = None, control: int = 0) -> bytes:
    offset = 20
    offsets = []
    body = b""
    for part in (sacl, dacl, owner, group):
        offsets.append(0 if part is None else offset + len(body))
        body += part or b""
    flags = 0x8000 | control | (0x4 if dacl is not None else 0) | (0x10 if sacl is not None else 0)
    sacl_at, dacl_at, owner_at, group_at = offsets
    return struct.pack("<BBHIIII", 1, 0, flags, owner_at, group_at, sacl_at, dacl_at) + body


OPEN = descriptor(ADMINISTRATORS, SYSTEM, acl(ace(ALLOW, 0, 0x1F01FF, EVERYONE)))
NOBODY = descriptor(ADMINISTRATORS, ADMINISTRATORS, acl())
DENIED = descriptor(
    SOMEBODY,
    SOMEBODY,
    acl(ace(DENY, 0, 0x10000, EVERYONE), ace(ALLOW, 0x10, 0x1200A9, SOMEBODY)),
    control=0x1400,  # protected, auto-inherited
)
AUDITED = descriptor(
    SYSTEM,
    ADMINISTRATORS,
    acl(ace(ALLOW, 0x3, 0x1F01FF, ADMINISTRATORS), ace(ALLOW, 0x3, 0x1200A9, EVERYONE)),
    sacl=acl(ace(AUDIT, 0xC3, 0xD0156, EVERYONE)),
)

# ---- reparse points ([MS-FSCC] 2.1.2)


def mount_point(target: str, shown: str) -> bytes:
    names = target.encode("utf-16-le") + b"\0\0" + shown.encode("utf-16-le") + b"\0\0"
    lengths = (0, 2 * len(target), 2 * len(target) + 2, 2 * len(shown))
    return struct.pack("<IHH4H", 0xA0000003, 8 + len(names), 0, *lengths) + names


def symbolic_link(target: str, shown: str, *, relative: bool) -> bytes:
    names = target.encode("utf-16-le", "surrogatepass") + shown.encode("utf-16-le")
    lengths = (0, 2 * len(target), 2 * len(target), 2 * len(shown))
    return struct.pack("<IHH4HI", 0xA000000C, 12 + len(names), 0, *lengths, int(relative)) + names


APP_LINK = struct.pack("<IHH", 0x8000001B, 24, 0) + bytes(range(24))
OF_A_THIRD_PARTY = struct.pack("<IHH", 0x00000042, 10, 0) + UUID(int=42).bytes_le + b"0123456789"

READ_ONLY, HIDDEN, SYSTEM_FILE, ARCHIVE, SPARSE, COMPRESSED, NOT_INDEXED = 0x1, 0x2, 0x4, 0x20, 0x200, 0x800, 0x2000


@dataclass(frozen=True, slots=True)
class Item:
    """A file or directory to make on the source volume."""

    contents: bytes | None = b""
    streams: dict[str, bytes] = field(default_factory=dict)
    attributes: int | None = None
    times: tuple[int, int, int] | None = None
    acl: bytes | None = None
    short_name: str | None = None
    reparse: bytes | None = None
    object_id: bytes | None = None
    links: tuple[str, ...] = ()


def a_folder(**rest: object) -> Item:
    return Item(contents=None, **rest)  # type: ignore[arg-type]


LONG_NAME = "ü" * 255
DEEP_FOLDER = "/".join(["deep " * 8 + str(level) for level in range(8)])
ITEMS: dict[str, Item] = {
    "empty": Item(),
    "resident": Item(b"fits in the MFT record"),
    "large": Item(bytes(range(256)) * 4096),
    "Grüße 日本語 \N{GRINNING FACE}": Item(b"unicode"),
    LONG_NAME: Item(b"255 characters, 510 bytes in UTF-8"),
    "open": Item(b"1", acl=OPEN),
    "nobody": Item(b"2", acl=NOBODY),
    "denied": Item(b"3", acl=DENIED),
    "folder audited": a_folder(acl=AUDITED),
    "folder audited/child": Item(b"4", acl=DENIED),
    "streams": Item(
        b"main", {"small": b"resident stream", "large": bytes(range(256)) * 1024, "empty": b"", "Zone.Identifier": b"3"}
    ),
    "no main but a stream": Item(b"", {"only": b"here"}),
    "folder with a stream": a_folder(streams={"note": b"on a directory"}),
    "A long file name.text": Item(b"5", short_name="ALONGF~1.TEX"),
    "A long folder name": a_folder(short_name="ALONGF~2"),
    "A long folder name/and a child.html": Item(b"6", short_name="ANDACH~1.HTM"),
    "linked": Item(b"three names", {"s": b"and a stream"}, links=("A long folder name/second", "third")),
    "read-only": Item(b"7", attributes=READ_ONLY),
    "hidden system": Item(b"8", attributes=HIDDEN | SYSTEM_FILE),
    "archive, not indexed": Item(b"9", attributes=ARCHIVE | NOT_INDEXED),
    "hidden folder": a_folder(attributes=HIDDEN),
    "not archived": Item(b"10", attributes=0),
    "precise": Item(b"11", times=(116444736000000001, 125911584000000002, 131592384000000003)),
    "of 1601 and 9999": Item(b"12", times=(1, 2650467743999999999, 3)),
    "folder of the future": a_folder(times=(150000000000000007, 150000000000000008, 150000000000000009)),
    "junction": a_folder(reparse=mount_point("\\??\\C:\\A long folder name", "C:\\A long folder name")),
    "junction elsewhere": a_folder(reparse=mount_point("\\??\\D:\\elsewhere", "D:\\elsewhere")),
    "relative link": Item(reparse=symbolic_link("resident", "resident", relative=True)),
    "absolute folder link": a_folder(reparse=symbolic_link("\\??\\C:\\Users", "C:\\Users", relative=False)),
    "app link": Item(reparse=APP_LINK),
    "third party": Item(reparse=OF_A_THIRD_PARTY),
    # Names that NTFS allows and the Windows shell does not.
    "a dot at the end.": Item(b"14"),
    "a space at the end ": Item(b"15"),
    'odd ?*<>|"': Item(b"16"),
    "CON": Item(b"17"),
    "tracked": Item(b"13", object_id=UUID("12345678-9abc-def0-1234-56789abcdef0").bytes_le),
    "everything.data": Item(
        b"contents of everything",
        {"a": b"first", "b": b"second"},
        HIDDEN | READ_ONLY | ARCHIVE,
        (127000000000000001, 128000000000000002, 129000000000000003),
        DENIED,
        "EVERYT~1.DAT",
    ),
    DEEP_FOLDER.split("/", maxsplit=1)[0]: a_folder(),
}
STREAMS = {f"/{name}": tuple(item.streams) for name, item in ITEMS.items() if item.streams}
STREAMS |= {f"/{link}": tuple(item.streams) for item in ITEMS.values() if item.streams for link in item.links}
SPARSE_SIZE = 30 << 20


def fill(mount: Path) -> None:
    """Make the items with the driver."""
    for name, item in ITEMS.items():
        path = mount / name
        if item.contents is None:
            path.mkdir()
        else:
            path.write_bytes(item.contents)
    (mount / DEEP_FOLDER).mkdir(parents=True, exist_ok=True)
    (mount / DEEP_FOLDER / "bottom").write_bytes(b"more than 260 characters down")
    with (mount / "sparse").open("wb") as file:
        file.truncate(SPARSE_SIZE)
        file.seek(20 << 20)
        file.write(b"an island")
    (mount / "compressed folder").mkdir()
    os.setxattr(mount / "compressed folder", "system.ntfs_attrib_be", struct.pack(">I", COMPRESSED))
    (mount / "compressed folder" / "text").write_bytes(b"the same line again\n" * 20_000)
    for name, item in ITEMS.items():
        adorn(mount, mount / name, item)
    for name, item in ITEMS.items():
        if item.times is not None:
            os.setxattr(mount / name, "system.ntfs_times_be", struct.pack(">3Q", *item.times), follow_symlinks=False)


def adorn(mount: Path, path: Path, item: Item) -> None:
    """Give a file what NTFS knows of it, except its times: adding links would change them."""
    for stream, data in item.streams.items():
        Path(f"{path}:{stream}").write_bytes(data)
    for attribute, value in (
        ("system.ntfs_dos_name", item.short_name and item.short_name.encode()),
        ("system.ntfs_object_id", item.object_id),
        ("system.ntfs_acl", item.acl),
        ("system.ntfs_reparse_data", item.reparse),
    ):
        if value:
            os.setxattr(path, attribute, value, follow_symlinks=False)
    if item.attributes is not None:
        os.setxattr(path, "system.ntfs_attrib_be", struct.pack(">I", item.attributes), follow_symlinks=False)
    for link in item.links:
        os.link(path, mount / link)
