"""The files of a disk as QEMU's block nodes: every file with its driver, none to be looked for or guessed.

Source: QEMU, qapi/block-core.json, BlockdevOptions, in the dotted form of ``--image-opts``.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import fspath

from osdimage.imaging.disk.containers.facts import ContainerFacts, ContainerFormat
from osdimage.imaging.disk.containers.graph import Node

NodeOptions = tuple[tuple[str, str], ...]


def node_options(node: Node) -> NodeOptions:
    """Return names and values of the options that open a disk."""
    return tuple(_options(node, ""))


def _options(node: Node, prefix: str) -> Iterator[tuple[str, str]]:
    yield f"{prefix}driver", "raw" if node.facts is None else node.facts.form.driver
    if node.facts is not None and node.facts.form is ContainerFormat.VHD:
        yield f"{prefix}force_size_calc", _size_rule(node.facts)
    yield from _file(node, f"{prefix}file.")
    if node.data is not None:
        yield from _file(node.data, f"{prefix}data-file.")
    # Extents of a VMDK are opened by its driver: plain files by the names that were checked, in the same folder.
    if node.backing is not None:
        yield from _options(node.backing, f"{prefix}backing.")


def _file(node: Node, prefix: str) -> Iterator[tuple[str, str]]:
    yield f"{prefix}driver", "file"
    yield f"{prefix}filename", fspath(node.path)
    yield f"{prefix}locking", "on"


def _size_rule(facts: ContainerFacts) -> str:
    """Name the number that gives the size of a VHD, so that QEMU takes the one that was taken here."""
    return "chs" if facts.is_by_geometry else "current_size"
