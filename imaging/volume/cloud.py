"""Files and folders that OneDrive or another program of Windows keeps in step with a cloud (the cloud files API).

Each has a reparse point of which the tag says so.  A folder holds its files as any other does; a file holds its
contents unless an attribute says that they, or some of them, are in the cloud only: then the unnamed stream reads as
zeros.

Sources: IO_REPARSE_TAG_CLOUD and IO_REPARSE_TAG_CLOUD_1 to _F of Microsoft's ntifs.h; "File Attribute Constants" of
winnt.h.
"""

from __future__ import annotations

from osdimage.imaging.attributes import FileAttribute

_TAG, _NUMBER_OF_TAG = 0x9000001A, 0x0000F000
# FILE_ATTRIBUTE_RECALL_ON_OPEN and FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS have no names in what is told of a file.
_RECALL_ON_OPEN, _RECALL_ON_DATA_ACCESS = 0x00040000, 0x00400000
_ELSEWHERE = int(FileAttribute.OFFLINE) | _RECALL_ON_DATA_ACCESS

SHOWN_BY = int(FileAttribute.REPARSE_POINT | FileAttribute.OFFLINE) | _RECALL_ON_OPEN | _RECALL_ON_DATA_ACCESS
"""The attributes by which such a file differs from a plain one."""


def is_of_cloud(tag: int | None) -> bool:
    """Tell whether a reparse point, by its tag, is one of a cloud."""
    return tag is not None and tag & ~_NUMBER_OF_TAG == _TAG


def is_elsewhere(attributes: int) -> bool:
    """Tell whether contents of such a file, or files of such a folder, are in the cloud only."""
    return bool(attributes & _ELSEWHERE)
