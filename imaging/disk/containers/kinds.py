"""Which format a file has, told by its bytes alone: names promise nothing.

Sources: those of the modules of the formats, for their signatures.
"""

from __future__ import annotations

from pathlib import Path

from osdimage.imaging.disk.containers import qcow2, vdi, vhd, vhdx, vmdk
from osdimage.imaging.disk.containers.facts import ContainerFacts, ContainerFormat, Facts, FileBytes
from osdimage.imaging.errors import InvalidInput, StorageError

HEAD_BYTES = 520
"""How much of the begin of a file tells its format."""
_SIGNATURES = {
    b"QFI\xfb": ContainerFormat.QCOW2,
    vhdx.SIGNATURE: ContainerFormat.VHDX,
    vhd.COOKIE: ContainerFormat.VHD,
    vmdk.SPARSE: ContainerFormat.VMDK,
    vmdk.ESX_SPARSE: ContainerFormat.VMDK,
    vmdk.SE_SPARSE: ContainerFormat.VMDK,
    vmdk.DESCRIPTOR: ContainerFormat.VMDK,
}
_FACTS: dict[ContainerFormat, Facts] = {
    ContainerFormat.QCOW2: qcow2.facts,
    ContainerFormat.VHDX: vhdx.facts,
    ContainerFormat.VHD: vhd.facts,
    ContainerFormat.VMDK: vmdk.facts,
    ContainerFormat.VDI: vdi.facts,
}


def container_of(head: bytes) -> ContainerFormat | None:
    """Return the format of the container that begins with these bytes, or None; a fixed VHD begins as its disk does."""
    if head[vdi.SIGNATURE_AT : vdi.SIGNATURE_AT + len(vdi.SIGNATURE)] == vdi.SIGNATURE and head.startswith(b"<<<"):
        return ContainerFormat.VDI
    return next((form for mark, form in _SIGNATURES.items() if head.startswith(mark)), None)


def is_container(path: Path) -> bool:
    """Tell whether a file begins as a container does.

    Raises:
        StorageError: when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return container_of(file.read(HEAD_BYTES)) is not None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", path=path, errno=error.errno) from error


def facts_of(data: FileBytes, form: ContainerFormat) -> ContainerFacts:
    """Return the facts of a file that begins as a container of this format does.

    Raises:
        InvalidInput: when it contradicts itself, or begins as a disk with a partition table, too.
        OSError: when it cannot be read.
    """
    head = data.read(0, HEAD_BYTES)
    # The guest of a plain disk can write such a header, and choose by it what of the host is shown.  One that keeps its
    # partition table, so that the disk still works, is found out: no container has these marks there.
    if head[510:512] == b"\x55\xaa" or head[512:520] == b"EFI PART":
        raise InvalidInput(
            f"begins as a {form.called} file, and as a plain disk with a partition table; which of both it is cannot "
            "be told"
        )
    return _FACTS[form](data)


def fixed_vhd(data: FileBytes) -> ContainerFacts | None:
    """Return the facts of a fixed VHD, which is a plain disk and a footer, or None for any other file."""
    if data.size <= vhd.FOOTER_BYTES:
        return None
    # Without the check of its sum, the word at the end of an ordinary disk would hide its last sector.
    footer = vhd.footer_of(data.read(data.size - vhd.FOOTER_BYTES, vhd.FOOTER_BYTES))
    return None if footer is None else vhd.fixed_facts(footer, data.size - vhd.FOOTER_BYTES)
