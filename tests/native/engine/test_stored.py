"""What a tree as it is stored tells besides what libwim tells of it."""

from __future__ import annotations

import pytest
from cases.wimcraft import DIRECTORY, SYMLINK_TAG, Node, folder, metadata, root
from osdimage.native.engine.arrays import untold

# In the upper half behind the tag: the data were not rewritten (wimlib, WIM_RP_FLAG_NOT_FIXED).
NOT_FIXED = 1 << 48
ENCRYPTED = 0x4000


@pytest.mark.parametrize(
    ("node", "marked"),
    [
        (Node("file", b"x", streams={"s": b"y"}), 0),
        (folder("folder", Node("file")), 0),
        (Node("folder", children=[], streams={"s": b"y"}), 1),
        (Node("folder", children=[], streams={"s": b"y"}, attributes=DIRECTORY | ENCRYPTED), 0),
        (Node("link", b"data", reparse_tag=SYMLINK_TAG), 1),
        (Node("link", b"data", reparse_tag=SYMLINK_TAG | NOT_FIXED), 0),
        (folder("folder", folder("deeper", Node("link", b"data", children=[], reparse_tag=SYMLINK_TAG))), 1),
    ],
)
def test_folders_with_streams_and_rewritten_links_tell_who_wrote_the_tree(node: Node, marked: int) -> None:
    assert untold(metadata(root(node))).marked == marked
