"""What is wrong with a driver package, for one Windows or for all that it is for.

What of it is documented as what Windows, its driver store or ``infverif`` refuses is an error, what keeps a driver from
some Windows a warning.  Sources: Microsoft, "Driver Store", "INF Manufacturer Section", "Running InfVerif from the
Command Line", "Driver Signing Policy" (windows-driver-docs, ``install/`` and ``devtest/``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.drivers.checking.kinds import OF_TOPIC, Kind
from osdimage.imaging.drivers.inf.closure import FileClosure
from osdimage.imaging.drivers.inf.inf_file import DEFAULT_INSTALL
from osdimage.imaging.drivers.inf.install import Install
from osdimage.imaging.drivers.inf.services import ServiceStart
from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.signed.hashes import embedded_signature
from osdimage.imaging.drivers.signed.package import LARGEST_FILE, CatalogCheck, CatalogChecker
from osdimage.imaging.drivers.signed.pkcs7 import FileSignature, Verdict, missing_module
from osdimage.imaging.drivers.signed.program import program_signature
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import InvalidInput, quoted
from osdimage.imaging.finding import Finding, Severity
from osdimage.imaging.pe import read_pe

_DRIVER = ".sys"
# What the headers of a program are called by imaging/pe.py.
_MACHINES = {"x86": Architecture.X86, "x64": Architecture.AMD64, "arm": Architecture.ARM, "arm64": Architecture.ARM64}


@dataclass(frozen=True, slots=True)
class CheckedCatalog:
    """A catalog of a package.

    Attributes:
        path: below the folder of the INF.
        architectures: for which it is.
        verdict: whether it and the files fit each other, and its signature the key beside it.
        signature: who signed it, and when; None when nobody has, or it could not be read.
        files: how many files of the package were compared with it, for all its architectures.
    """

    path: str
    architectures: tuple[str, ...]
    verdict: Verdict
    signature: FileSignature | None
    files: int


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A driver (``.sys``) of a package.

    Attributes:
        path: below the folder of the INF.
        signature: that is in it; None when there is none, or it could not be read.
        has_signature: whether there is one.
    """

    path: str
    has_signature: bool
    signature: FileSignature | None


@dataclass(frozen=True, slots=True)
class CheckedDriver:
    """What was found in a package.

    Attributes:
        path: of the INF.
        provider: who gave it out.
        class_name: of its device setup class.
        date: of ``DriverVer``, ISO 8601, or None.
        driver_version: of that, or None.
        platforms: that it names.
        catalogs: those that are there.
        drivers: its files that end in ``.sys``.
        findings: what is wrong, the worst first.
    """

    path: str
    provider: str
    class_name: str
    date: str | None
    driver_version: str | None
    platforms: tuple[str, ...]
    catalogs: tuple[CheckedCatalog, ...]
    drivers: tuple[CheckedFile, ...]
    findings: tuple[Finding, ...]

    def has(self, severity: Severity) -> bool:
        """Tell whether something as bad as this was found."""
        return any(each.severity is severity for each in self.findings)


def check_package(
    package: DriverPackage,
    os: TargetOs | None = None,
    architecture: Architecture | None = None,
    *,
    now: datetime | None = None,
    checker: CatalogChecker | None = None,
) -> CheckedDriver:
    """Return what is wrong with a package.

    Args:
        package: which must be open.
        os: a Windows: only what is for it.
        architecture: only what is for this, when there is no ``os``.
        now: certificates that have ended by then are told; None: now.
        checker: that several packages share.

    Raises:
        InvalidVolume, StorageError: when a file cannot be read.
    """
    return _Check(package, os, architecture, now or datetime.now(UTC), checker or CatalogChecker()).run()


class _Check:
    """Gathers what several architectures have in common."""

    def __init__(
        self,
        package: DriverPackage,
        os: TargetOs | None,
        architecture: Architecture | None,
        now: datetime,
        checker: CatalogChecker,
    ) -> None:
        self.package = package
        self.inf = package.inf
        self.os = os
        self.only = architecture if os is None else os.architecture
        self.now = now
        self.checker = checker
        self.found: dict[tuple[Kind, str], None] = {}
        self.catalogs: dict[str, CheckedCatalog] = {}
        self.compared: dict[str, set[str]] = {}
        self.drivers: dict[str, CheckedFile] = {}

    def run(self) -> CheckedDriver:
        try:
            self._look()
        except InvalidInput as error:
            self._add(Kind.UNREADABLE, error.said)
        version = self.inf.version.driver_version
        order = list(Severity)
        findings = [kind.finding(text) for kind, text in self.found]
        return CheckedDriver(
            self.package.path,
            self.inf.version.provider,
            self.inf.version.class_name,
            None if version is None or version.date is None else version.date.isoformat(),
            None if version is None else version.number_text,
            tuple(map(str, self.inf.platforms)),
            tuple(self.catalogs.values()),
            tuple(self.drivers.values()),
            tuple(sorted(findings, key=lambda each: order.index(each.severity))),
        )

    def _add(self, kind: Kind, text: str) -> None:
        self.found.setdefault((kind, text))

    def _say(self, kind: Kind, text: str) -> None:
        self._add(kind, f"{self.package.path}: {text}")

    def _look(self) -> None:
        mark = self.inf.placeholder
        if mark is not None:
            self._say(Kind.NOT_FINISHED, f"line {mark.line}: a build has to replace {mark.text}")
            # What else it says is as unfinished.
            return
        self._look_at_version()
        for warning in self.inf.warnings:
            self._say(OF_TOPIC[warning.topic], str(warning))
        for architecture, sections in self._installs().items():
            self._look_on(architecture, sections)

    def _look_at_version(self) -> None:
        version = self.inf.version
        if not version.class_guid:
            self._say(Kind.NO_CLASS, "has no ClassGuid, without which Windows finds no class for its devices")
        if not version.provider:
            self._say(Kind.NO_PROVIDER, "has no Provider")

    def _installs(self) -> dict[Architecture, list[str]]:
        """Return the install sections that count, by the architectures on which they are carried out."""
        found: dict[Architecture, dict[str, None]] = {}
        if self.inf.is_primitive:
            self._say(Kind.FOR_NO_DEVICE, "is for no device")
            named = [each.runs_on for each in self.inf.platforms]
            return {each: [DEFAULT_INSTALL] for each in dict.fromkeys(named) if self.only in {None, each}}
        models = self.inf.all_models() if self.os is None else self.inf.models(self.os)
        chosen = [each for each in models if self.only in {None, each.decoration.runs_on}]
        if not chosen:
            wanted = self.os or self.only or "any Windows"
            platforms = ", ".join(map(str, self.inf.platforms)) or "none"
            self._say(Kind.NO_DEVICE, f"has no device for {wanted}; its platforms are {platforms}")
        if self.os is None:
            used = {each.decoration for each in models}
            for each in self.inf.platforms:
                is_for = self.only in {None, each.runs_on}
                if is_for and each not in used and self._has_section(each.text):
                    self._say(Kind.EMPTY_PLATFORM, f"has no device for the platform {each}")
        for model in chosen:
            found.setdefault(model.decoration.runs_on, {})[model.section] = None
        return {architecture: list(sections) for architecture, sections in found.items()}

    def _has_section(self, decoration: str) -> bool:
        """Tell whether a platform has a section, if an empty one; a missing one is told as that."""
        behind = f".{decoration}" if decoration else ""
        return any(self.inf.text.section(each.section + behind) is not None for each in self.inf.manufacturers)

    def _look_on(self, architecture: Architecture, sections: Sequence[str]) -> None:
        installs = self.inf.installs_on(sections, architecture)
        closure = self.inf.files_on(sections, architecture)
        for warning in dict.fromkeys([*closure.warnings, *(each for made in installs for each in made.warnings)]):
            self._say(OF_TOPIC[warning.topic], str(warning))
        includes = dict.fromkeys(name for each in installs for name in each.includes)
        if includes:
            self._say(Kind.NEEDS_WINDOWS, f"carries out sections of {', '.join(includes)} of Windows")
        self._look_at_files(architecture, closure)
        self._look_at_drivers(architecture, closure, installs)
        self._look_at_catalog(architecture, closure)

    def _look_at_files(self, architecture: Architecture, closure: FileClosure) -> None:
        for each in closure.files:
            if self.package.find(each.path) is not None:
                continue
            if each.is_copied:
                self._say(Kind.FILE_MISSING, f"{quoted(each.path)} is not there, which it copies ({architecture})")
            else:
                self._say(Kind.FILE_OF_WINDOWS, f"{quoted(each.path)} is not there, and is not copied ({architecture})")

    def _look_at_drivers(self, architecture: Architecture, closure: FileClosure, installs: Sequence[Install]) -> None:
        at_boot = {
            service.binary.name.casefold()
            for install in installs
            for service in install.services
            if service.start == ServiceStart.BOOT and service.binary is not None
        }
        for each in closure.files:
            if not each.path.lower().endswith(_DRIVER) or self.package.find(each.path) is None:
                continue
            data = self.package.read(each.path, LARGEST_FILE)
            if each.path not in self.drivers:
                self.drivers[each.path] = self._signature_in(each.path, data)
            try:
                machine = _MACHINES[read_pe(data, name=each.path).architecture]
            except InvalidInput as error:
                self._say(Kind.WRONG_PROCESSOR, f"{error.said} ({architecture})")
                continue
            if machine is not architecture:
                self._say(Kind.WRONG_PROCESSOR, f"{quoted(each.path)} is for {machine}, and not for {architecture}")
            is_bare = not self.drivers[each.path].has_signature
            if is_bare and each.name.casefold() in at_boot and architecture is not Architecture.X86:
                self._say(Kind.BOOT_DRIVER, f"{quoted(each.path)} starts with Windows, and has no signature in itself")

    def _signature_in(self, path: str, data: bytes) -> CheckedFile:
        try:
            if embedded_signature(data, name=path) is None:
                return CheckedFile(path, has_signature=False, signature=None)
            if missing_module() is not None:
                return CheckedFile(path, has_signature=True, signature=None)
            signature = program_signature(data, name=path)
        except InvalidInput:
            # That it is no program is told elsewhere; a signature that cannot be read is as good as none.
            return CheckedFile(path, has_signature=False, signature=None)
        if signature is not None and signature.verdict is Verdict.WRONG:
            self._say(Kind.DRIVER_CHANGED, f"the signature in {quoted(path)} is wrong: {signature.reason}")
        return CheckedFile(path, has_signature=True, signature=signature)

    def _look_at_catalog(self, architecture: Architecture, closure: FileClosure) -> None:
        found = self.checker.check(self.package, architecture, (each.path for each in closure.files))
        if found.path is None:
            kind = Kind.NO_CATALOG_32 if architecture is Architecture.X86 else Kind.NO_CATALOG
            self._say(kind, f"names no catalog for {architecture}: it is not signed")
            return
        where = quoted(found.path)
        if not found.is_there:
            self._say(Kind.CATALOG_MISSING, f"its catalog {where} is not there ({architecture})")
            return
        signature = None if found.catalog is None else found.catalog.signature
        known = self.catalogs.get(found.path)
        places = (*(() if known is None else known.architectures), str(architecture))
        verdicts = {found.verdict, *(() if known is None else (known.verdict,))}
        verdict = next(each for each in (Verdict.WRONG, Verdict.NOT_CHECKED, Verdict.RIGHT) if each in verdicts)
        compared = self.compared.setdefault(found.path, set())
        compared.update(each.path for each in found.files)
        self.catalogs[found.path] = CheckedCatalog(found.path, places, verdict, signature, len(compared))
        for kind, text in self._faults(found, where):
            self._say(kind, text)

    def _faults(self, found: CatalogCheck, where: str) -> Iterator[tuple[Kind, str]]:
        if found.catalog is None:
            kind = Kind.CATALOG_NOT_CHECKED if missing_module() else Kind.CATALOG_UNREADABLE
            yield kind, f"its catalog cannot be read: {found.fault}"
            return
        for each in found.files:
            if each.verdict is Verdict.WRONG:
                yield Kind.HASH_WRONG, f"{quoted(each.path)} is not in the catalog {where}: {each.reason}"
            elif each.verdict is Verdict.NOT_CHECKED:
                yield Kind.HASH_NOT_CHECKED, f"{quoted(each.path)} is not compared with {where}: {each.reason}"
        signature = found.catalog.signature
        if signature is None:
            yield Kind.CATALOG_UNSIGNED, f"nobody has signed its catalog {where}"
            return
        if signature.verdict is Verdict.WRONG:
            yield Kind.SIGNATURE_WRONG, f"the signature of {where} is wrong: {signature.reason}"
        elif signature.verdict is Verdict.NOT_CHECKED:
            yield Kind.SIGNATURE_NOT_CHECKED, f"the signature of {where} {signature.reason}"
        if signature.valid_until < (signature.time or self.now):
            ended = signature.valid_until.date().isoformat()
            when = "nobody says when" if signature.time is None else f"signed on {signature.time.date().isoformat()}"
            yield Kind.SIGNATURE_EXPIRED, f"the certificate that signed {where} ended on {ended}, and {when}"
