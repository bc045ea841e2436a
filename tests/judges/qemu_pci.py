"""QEMU, asked what its devices show on their bus; nothing runs in it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from judges.wim import require

_MULTI_FUNCTION, _BRIDGE = 0x80, 0x01


@dataclass(frozen=True, slots=True)
class Shown:
    """What a function shows: where, its vendor and device, class, revision, and subsystem with its vendor below it."""

    bus: int
    slot: int
    number: int
    ids: int
    device_class: int
    revision: int
    subsystem: int


class _Qtest:
    """The protocol that QEMU's own tests talk to it."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        self._program = program
        assert program.stdin is not None
        assert program.stdout is not None
        self._in: IO[str] = program.stdin
        self._out: IO[str] = program.stdout

    def _ask(self, text: str) -> list[str]:
        self._in.write(text + "\n")
        self._in.flush()
        for line in self._out:
            if line.startswith("OK"):
                return line.split()
            assert not line.startswith(("FAIL", "ERR")), line
        assert self._program.stderr is not None
        raise AssertionError(self._program.stderr.read())

    def read(self, bus: int, slot: int, number: int, offset: int) -> int:
        """Return four bytes of a configuration space."""
        self._ask(f"outl 0xcf8 {1 << 31 | bus << 16 | slot << 11 | number << 8 | offset}")
        return int(self._ask("inl 0xcfc")[1], 16)

    def write(self, bus: int, slot: int, number: int, offset: int, value: int) -> None:
        """Set four bytes of a configuration space."""
        self._ask(f"outl 0xcf8 {1 << 31 | bus << 16 | slot << 11 | number << 8 | offset}")
        self._ask(f"outl 0xcfc {value}")


def shown_on_pci(machine: str, devices: Sequence[str]) -> list[Shown]:
    """Return what every function of a machine shows, those behind bridges too."""
    command = [
        *("timeout", "60", require("qemu-system-x86_64"), "-M", f"{machine},accel=tcg", "-m", "128", "-nodefaults"),
        *("-display", "none", "-S", "-qtest", "stdio", "-qtest-log", "none"),
        *(word for device in devices for word in ("-device", device)),
        *("-blockdev", "null-co,node-name=empty,size=1048576", "-audiodev", "none,id=quiet"),
        *("-object", "memory-backend-ram,id=shared,size=1M,share=on"),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            found: list[Shown] = []
            _scan(_Qtest(program), 0, 1, found)
        finally:
            # SIGKILL would end timeout alone, which hands on what it can catch.
            program.terminate()
    return found


def _scan(qtest: _Qtest, bus: int, next_bus: int, found: list[Shown]) -> int:
    """Take in a bus and those behind its bridges, which get numbers as firmware gives them; return the next number."""
    for slot in range(32):
        for number in range(8):
            ids = qtest.read(bus, slot, number, 0)
            if ids & 0xFFFF == 0xFFFF:
                if number == 0:
                    break
                continue
            kind, layout = qtest.read(bus, slot, number, 8), qtest.read(bus, slot, number, 12) >> 16 & 0xFF
            ids = (ids & 0xFFFF) << 16 | ids >> 16
            subsystem = qtest.read(bus, slot, number, 0x2C)
            found.append(Shown(bus, slot, number, ids, kind >> 8, kind & 0xFF, subsystem))
            if layout & ~_MULTI_FUNCTION == _BRIDGE:
                qtest.write(bus, slot, number, 0x18, bus | next_bus << 8 | 0xFF << 16)
                last = _scan(qtest, next_bus, next_bus + 1, found)
                qtest.write(bus, slot, number, 0x18, bus | next_bus << 8 | (last - 1) << 16)
                next_bus = last
            if number == 0 and not layout & _MULTI_FUNCTION:
                break
    return next_bus
