"""Documents of osdimage with everything in them: plans, a saved table, a deployment, the state of a sequence."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from osdimage.imaging.boot.bcd.partition import PartitionRef
from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.boot.install import BootOptions
from osdimage.imaging.boot.places import BootPlaces
from osdimage.imaging.deploy.boot_plan import ForgetDrives, InstallBoot, Moved, MoveDrives
from osdimage.imaging.deploy.plan import ApplyToVolume, DeployPlan, FormatVolume, WriteTable
from osdimage.imaging.deploy.sets import SetPlan
from osdimage.imaging.disk import plan as plans
from osdimage.imaging.disk.content import FileSystem
from osdimage.imaging.disk.layouts.place import place
from osdimage.imaging.disk.layouts.presets import Preset, preset_layout
from osdimage.imaging.disk.tables import backup as backups
from osdimage.imaging.disk.tables.read import read_table
from osdimage.imaging.disk.tables.write import Write, write_steps
from osdimage.imaging.disk.target import MemoryTarget
from osdimage.imaging.media import (
    DiscOfSet,
    ManifestFile,
    ManifestImage,
    ManifestPackage,
    ManifestSequence,
    ManifestVariables,
    MediaKind,
    MediaManifest,
    Runner,
    SignedBy,
)
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.judgement import Decision, Judgement
from osdimage.imaging.tasksequence.report import StepReport, StepState
from osdimage.imaging.tasksequence.runstate import RunState
from osdimage.imaging.units import Geometry

SIZE = Geometry.of_size(4 << 30, 512)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def disk_plan(preset: Preset) -> plans.DiskPlan:
    table = place(preset_layout(preset), SIZE, random.Random(1))
    return plans.DiskPlan(table, plans.DiskIdentity("d.img", "S1", "0" * 64), ("beware",))


def deployment() -> DeployPlan:
    disk = disk_plan(Preset.UEFI)
    efi, windows = disk.table.partitions[0], disk.table.partitions[2]
    steps = (
        WriteTable(disk),
        FormatVolume(efi, FileSystem.FAT32, "SYSTEM", 0xABCD, True),
        FormatVolume(windows, FileSystem.NTFS, None, 0xABCDEF, True),
        ApplyToVolume(windows, 1, "Windows", 100, 10, NOW),
        ForgetDrives(windows),
        InstallBoot(BootPlaces(Firmware.UEFI, efi, windows), BootOptions(locale="en-US"), 99),
    )
    return DeployPlan(steps, "/unattend.xml", ("beware",))


def machine() -> SetPlan:
    """Return the plan of two disks, of which one starts the Windows of the other."""
    first, second = deployment(), disk_plan(Preset.BIOS)
    guids, offsets = PartitionRef.gpt(UUID(int=1), UUID(int=2)), PartitionRef.mbr(3, 1 << 20)
    moved = (Moved(guids, 0, 3), Moved(offsets, 1, 2))
    windows = second.table.partitions[1]
    steps = (
        WriteTable(second),
        FormatVolume(windows, FileSystem.NTFS, None, 0xABCDEF, True),
        ApplyToVolume(windows, 2, "Windows", 100, 10, NOW),
        MoveDrives(windows, moved),
        InstallBoot(
            BootPlaces(Firmware.UEFI, first.table.partitions[0], windows),
            BootOptions(locale="en-US"),
            99,
            origins=((guids, 3),),
            system_disk="disk 0",
            system_number=0,
            moved=moved[1:],
        ),
    )
    return SetPlan({0: first, 1: DeployPlan(steps, None, ())})


def disk_of(preset: Preset) -> MemoryTarget:
    """Return a disk in memory with the table of a preset."""
    target = MemoryTarget(SIZE)
    for step in write_steps(disk_plan(preset).table, read_table(target)):
        if isinstance(step, Write):
            target.write_at(step.offset_bytes, step.data)
    return target


def backup() -> backups.TableBackup:
    target = disk_of(Preset.BIOS)
    return backups.take_backup(target, read_table(target), now=NOW)


def state(folder: Path) -> dict[str, Any]:
    """Return the document of a state, of which ``folder`` gets the file."""
    machine = Machine(
        disks={0: Path("/d.img")},
        packages={"ABC00001": Path("/w.wim")},
        letters={"C": Place(0, 3)},
        used=[Place(0, 3)],
        system=TargetSystem(Place(0, 3), WindowsFacts(10, 0, "x64", "Windows")),
    )
    env = Environment(computer={"OSDComputerName": "PC1", "P": "swordfish"}, hidden=["P"])
    report = StepReport(1, ("Install",), "Apply", "T", StepState.SUCCEEDED, 0, "done", 1.5, 1, ("lost",))
    saved = RunState("0" * 64, env, machine, 1, 1, {(0,): Judgement(Decision.RUN)}, (report,))
    saved.save(folder / "whole.json")
    document: dict[str, Any] = json.loads((folder / "whole.json").read_text())
    return document


def media_manifest(volume: int = 1) -> MediaManifest:
    """Return the manifest of a disc of a set of two."""
    files = (
        ManifestFile("osdimage/packages/PS100001/install.swm", 5 << 30, "1" * 64),
        ManifestFile("osdimage/packages/PS100001/install2.swm", 1 << 30, "2" * 64, 2),
        ManifestFile("osdimage/sequence.xml.enc", 4164, "3" * 64),
        ManifestFile("osdimage/variables.json.enc", 4164, "4" * 64),
        ManifestFile("sources/boot.wim", 300 << 20, "5" * 64),
    )
    of_set = DiscOfSet(UUID(int=7), volume, 2, "Windows 11", None if volume == 1 else "6" * 64)
    package = ManifestPackage("PS100001", "Windows 11 für alle", "osdimage/packages/PS100001", 6 << 30, (1, 2))
    first = MediaManifest(
        MediaKind.STANDALONE,
        f"WINDOWS_{volume}",
        NOW,
        "osdimage 0.1",
        files,
        valid_from=NOW,
        expires=NOW + timedelta(days=365),
        of_set=of_set,
        architecture="x64",
        firmware=frozenset(Firmware),
        signed=SignedBy.CA_2023,
        boot_image=ManifestImage("sources/boot.wim", 1, "Windows PE"),
        runner=Runner.LINUX,
        sequences=(ManifestSequence("PS100007", "Bare metal", "osdimage/sequence.xml.enc", is_encrypted=True),),
        variables=ManifestVariables("osdimage/variables.json.enc", is_encrypted=True),
        packages=(package,),
    )
    if volume == 1:
        return first
    here = tuple(each for each in files if each.volume == volume)
    return replace(first, files=here, boot_image=None, sequences=(), variables=None)
