"""Drivers that are offered to a catalog, without an INF that anybody would have to read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from osdimage.imaging.drivers.inf.version import DriverVersion
from osdimage.imaging.drivers.store.adding import Offered, OfferedFile
from osdimage.imaging.drivers.store.records import InfFacts, InstallFacts, ModelFacts, SectionFacts
from osdimage.imaging.drivers.target_os import Architecture

ID = "PCI\\VEN_1AF4&DEV_1004"


def offered(
    device: str = "Red Hat VirtIO SCSI controller",
    *,
    inf: str = "vioscsi.inf",
    files: Mapping[str, bytes] | None = None,
    ids: tuple[str, ...] = (ID,),
    decoration: str = "NTamd64.10.0",
) -> Offered:
    facts = InfFacts(
        inf=inf,
        class_name="SCSIAdapter",
        class_guid="{4D36E97B-E325-11CE-BFC1-08002BE10318}",
        provider="Red Hat, Inc.",
        version=DriverVersion(date(2024, 8, 5), (100, 95, 104, 26200)),
        sections=(
            SectionFacts(0, decoration, (ModelFacts(InstallFacts("inst"), device, tuple(enumerate(ids))),)),
            SectionFacts(0, "NTx86.6.0", ()),
        ),
        signed_for=(Architecture.AMD64,),
        warnings=("line 3: nothing to worry about",),
    )
    held = {inf: f"; {device}".encode(), "vioscsi.sys": b"MZ" * 50} if files is None else files
    # The name keeps each lambda's own bytes.
    return Offered(
        f"folder/{inf}", facts, tuple(OfferedFile(name, lambda data=data: data) for name, data in held.items())
    )
