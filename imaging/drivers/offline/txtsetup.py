r"""``txtsetup.oem``: how drivers of disks were given to the setup of Windows 2000, XP and Server 2003.

Source: Microsoft, "TxtSetup.oem File Format" and the pages of its sections (windows-driver-docs, ``install/``: "Disks",
"HwComponent", "Files.HwComponent.ID", "HardwareIds.scsi.ID" and "Config.DriverKey Section of a TxtSetup.oem File").
Lines are not continued, so that a folder may be ``\`` at the end of one.  Only drivers of disks (``scsi``) are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.errors import InvalidInput, InvalidRequest, quoted
from osdimage.imaging.registry.values import Value
from osdimage.imaging.units import MIB, format_size

FILE_NAME = "txtsetup.oem"
_LARGEST = MIB
_DRIVER, _CATALOG = "driver", "catalog"


@dataclass(frozen=True, slots=True)
class OemFile:
    """A file of a component.

    Attributes:
        kind: such as ``driver``, ``inf`` or ``catalog``.
        path: below the folder of the ``txtsetup.oem``, names separated by ``/``.
        service: of a driver: the service that loads it.
    """

    kind: str
    path: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class OemSetting:
    """A value of a service.

    Attributes:
        service: its name, in lower case.
        key: the key below that of the service, or empty for that itself.
        value: what it holds.
    """

    service: str
    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class OemComponent:
    """A driver of disks that setup offers.

    Attributes:
        id: what it is called in the file.
        description: what people call it.
        files: those of it.
        hardware_ids: pairs of the id of a device and the service that drives it.
    """

    id: str
    description: str
    files: tuple[OemFile, ...]
    hardware_ids: tuple[tuple[str, str], ...]

    @property
    def drivers(self) -> tuple[OemFile, ...]:
        """Those of its files that are drivers."""
        return tuple(each for each in self.files if each.kind == _DRIVER and each.service)

    @property
    def catalogs(self) -> tuple[OemFile, ...]:
        """Those of its files that are catalogs."""
        return tuple(each for each in self.files if each.kind == _CATALOG)


@dataclass(frozen=True, slots=True)
class TxtSetup:
    """A ``txtsetup.oem``: the drivers of disks that it offers, and what their services need."""

    components: tuple[OemComponent, ...]
    settings: tuple[OemSetting, ...]

    def component(self, name: str) -> OemComponent | None:
        """Return the component of an id, whatever its case, or None."""
        return next((each for each in self.components if each.id == name.lower()), None)

    def settings_of(self, service: str) -> tuple[OemSetting, ...]:
        """Return the values of a service."""
        return tuple(each for each in self.settings if each.service == service.lower())


def read_txtsetup(data: bytes, *, name: str) -> TxtSetup:
    """Read a ``txtsetup.oem``.

    Args:
        data: the file.
        name: what messages call it.

    Raises:
        InvalidInput: when a line is none of the format, or names what is not there.
    """
    if len(data) > _LARGEST:
        raise InvalidInput(f"{name}: has {format_size(len(data))}; a {FILE_NAME} has at most {format_size(_LARGEST)}")
    reader = _Reader(data, name)
    return TxtSetup(tuple(reader.components()), tuple(reader.settings()))


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a section: its number, what is before the ``=``, and the values behind it."""

    number: int
    key: str
    values: tuple[str, ...]

    def value(self, position: int) -> str:
        return self.values[position] if position < len(self.values) else ""


class _Reader:
    def __init__(self, data: bytes, name: str) -> None:
        self._name = name
        self._sections: dict[str, list[_Line]] = {}
        lines: list[_Line] | None = None
        # In the code page of the machine that reads it; what matters is ASCII.
        for number, raw in enumerate(data.decode("cp1252", "replace").splitlines(), start=1):
            text = raw.strip()
            if not text or text[0] in ";#\x1a":
                continue
            if text[0] == "[":
                end = text.find("]")
                if end < 0:
                    raise self._fault(number, "has no ] at the end of the section's name")
                lines = self._sections.setdefault(text[1:end].strip().lower(), [])
            elif lines is None:
                raise self._fault(number, "is in no section; the file begins with one such as [Disks]")
            else:
                key, _, rest = text.partition("=")
                lines.append(_Line(number, key.strip().strip('"').lower(), tuple(_fields(rest))))

    def components(self) -> Iterator[OemComponent]:
        folders = {each.key: self._folder(each) for each in self._sections.get("disks", ())}
        # Once for each: a section that is named again and again would be read as often.
        for line in {each.key: each for each in self._sections.get("scsi", ())}.values():
            files = tuple(self._files(line.key, folders))
            ids = self._sections.get(f"hardwareids.scsi.{line.key}", ())
            hardware = tuple((each.value(0), each.value(1) or line.value(1)) for each in ids if each.value(0))
            yield OemComponent(line.key, line.value(0), files, hardware)

    def settings(self) -> Iterator[OemSetting]:
        for section, lines in self._sections.items():
            kind, _, service = section.partition(".")
            for line in lines if kind == "config" else ():
                if line.key == "value":
                    yield OemSetting(service, line.value(0).strip("\\"), self._value(line))

    def _folder(self, line: _Line) -> str:
        return line.value(2).replace("\\", "/").strip("/")

    def _files(self, component: str, folders: dict[str, str]) -> Iterator[OemFile]:
        for line in self._sections.get(f"files.scsi.{component}", ()):
            disk, file = line.value(0).lower(), line.value(1)
            if disk not in folders:
                valid = ", ".join(folders) or "none"
                raise self._fault(line.number, f"there is no disk {quoted(disk)}; [Disks] has {valid}")
            if not file:
                raise self._fault(line.number, f"names no file; valid is {line.key} = {disk}, FILE")
            # A stray component of the path is refused by whoever reads the file.
            path = "/".join(part for part in (folders[disk], file.replace("\\", "/").strip("/")) if part)
            yield OemFile(line.key, path, line.value(2) or None)

    def _value(self, line: _Line) -> Value:
        name, kind, data = line.value(1), line.value(2).upper(), line.values[3:]
        first = line.value(3)
        try:
            match kind:
                case "REG_DWORD":
                    return Value.dword(name, int(first, 16))
                case "REG_SZ":
                    return Value.string(name, first)
                case "REG_EXPAND_SZ":
                    return Value.expand_string(name, first)
                case "REG_BINARY":
                    return Value.binary(name, bytes.fromhex("".join(data)))
                case "REG_MULTI_SZ":
                    return Value.multi_string(name, data)
        except (ValueError, InvalidRequest) as error:
            raise self._fault(line.number, f"{quoted(', '.join(data))} is no {kind}: {error}") from error
        valid = "REG_DWORD, REG_SZ, REG_EXPAND_SZ, REG_BINARY and REG_MULTI_SZ"
        raise self._fault(line.number, f"{quoted(kind)} is no type of a value; valid are {valid}")

    def _fault(self, number: int, text: str) -> InvalidInput:
        return InvalidInput(f"{self._name}: line {number}: {text}")


def _fields(text: str) -> Iterator[str]:
    """Yield values that commas separate, without their quotation marks and blanks."""
    start, is_quoted = 0, False
    for at, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif character == "," and not is_quoted:
            yield _bare(text[start:at])
            start = at + 1
    yield _bare(text[start:])


def _bare(text: str) -> str:
    return text.strip().strip('"')
