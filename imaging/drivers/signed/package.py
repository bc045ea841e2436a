"""Whether the files of a driver package are those that its catalog vouches for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from osdimage.imaging.drivers.packages import DriverPackage
from osdimage.imaging.drivers.ranking.rank import Signature
from osdimage.imaging.drivers.signed.catalog import CATALOG_BYTES, Catalog, read_catalog
from osdimage.imaging.drivers.signed.hashes import hashes_of
from osdimage.imaging.drivers.signed.pkcs7 import Verdict, missing_module
from osdimage.imaging.drivers.target_os import Architecture, TargetOs
from osdimage.imaging.errors import InvalidInput, Means, Remedy
from osdimage.imaging.units import GIB

LARGEST_FILE = 2 * GIB
"""What a file of a driver may have to be read whole."""
_CABINET = b"MSCF"
_SIGNED_ONLY = frozenset({Architecture.AMD64, Architecture.ARM64})
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A file of a package beside its catalog.

    Attributes:
        path: below the folder of the INF.
        verdict: whether it is as the catalog says.
        reason: why it is wrong, or was not checked; ``""`` when it is right.
    """

    path: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CatalogCheck:
    """The catalog of a package for an architecture, and the files that it has to vouch for.

    Attributes:
        path: as the INF names it; None when it names none.
        is_there: whether the package holds it.
        catalog: what it says; None when it is not there, or could not be read.
        fault: why it could not be read; ``""`` when it could.
        files: those of the package that are there, the INF first; empty without a catalog.
    """

    path: str | None
    is_there: bool = False
    catalog: Catalog | None = None
    fault: str = ""
    files: tuple[FileCheck, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether the catalog and all files fit each other: wrong when one does not, or there is none."""
        if not self.is_there:
            return Verdict.WRONG
        if self.catalog is None:
            return Verdict.NOT_CHECKED if missing_module() else Verdict.WRONG
        signature = self.catalog.signature
        found = {each.verdict for each in self.files} | {Verdict.WRONG if signature is None else signature.verdict}
        return next(each for each in (Verdict.WRONG, Verdict.NOT_CHECKED, Verdict.RIGHT) if each in found)


@dataclass(slots=True)
class CatalogChecker:
    """Compares packages with their catalogs; what several have in common is read once.

    Attributes:
        hashes: of files by the name of their source and their path; None of one that Windows hashes in another way.
    """

    hashes: dict[tuple[str, str], frozenset[bytes]] = field(default_factory=dict)
    _catalogs: dict[tuple[str, str], Catalog] = field(default_factory=dict)

    def check(self, package: DriverPackage, architecture: Architecture, files: Iterable[str]) -> CatalogCheck:
        """Compare the INF and files of a package with its catalog; files that are not there are passed over.

        Args:
            package: which must be open.
            architecture: for which the catalog is.
            files: their paths below the folder of the INF.

        Raises:
            InvalidVolume, StorageError: when one cannot be read.
        """
        path = package.inf.version.catalog_for(architecture)
        facts = None if path is None else package.find(path)
        if path is None or facts is None:
            return CatalogCheck(path)
        fault = missing_module()
        if fault is not None:
            return CatalogCheck(path, is_there=True, fault=fault)
        key = package.source.name, facts.path.casefold()
        try:
            catalog = self._catalogs.get(key)
            if catalog is None:
                catalog = self._catalogs[key] = read_catalog(package.read(path, CATALOG_BYTES), name=path)
        except InvalidInput as error:
            return CatalogCheck(path, is_there=True, fault=error.said)
        known = catalog.all_hashes()
        checked = (self._file(package, each, known) for each in dict.fromkeys((package.name, *files)))
        return CatalogCheck(path, is_there=True, catalog=catalog, files=tuple(filter(None, checked)))

    def _file(self, package: DriverPackage, path: str, known: frozenset[bytes]) -> FileCheck | None:
        facts = package.find(path)
        if facts is None:
            return None
        key = package.source.name, facts.path.casefold()
        found = self.hashes.get(key)
        if found is None:
            found = self.hashes[key] = hashes_of(package.read(path, LARGEST_FILE), name=path)
        if found & known:
            return FileCheck(path, Verdict.RIGHT)
        data = package.read(path, LARGEST_FILE)
        if data[:4] == _CABINET:
            return FileCheck(path, Verdict.NOT_CHECKED, "Windows hashes cabinets in a way of their own")
        if hashes_of(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), name=path) & known:
            return FileCheck(
                path, Verdict.WRONG, "its line ends were changed, as Git does; with CR LF it would be right"
            )
        return FileCheck(path, Verdict.WRONG, "it is not what was signed")


def check_catalog(package: DriverPackage, os: TargetOs) -> CatalogCheck:
    """Compare a package with its catalog for a Windows.

    Raises:
        InvalidInput: as :meth:`InfFile.files`.
        InvalidVolume, StorageError: when a file cannot be read.
    """
    return CatalogChecker().check(package, os.architecture, (each.path for each in package.inf.files(os).files))


def require_vouched(
    packages: Iterable[DriverPackage], os: TargetOs, *, allows_modified: bool = False, allows_unsigned: bool = False
) -> tuple[str, ...]:
    """Refuse packages whose files are not those that their catalogs vouch for: Windows does, and late.

    Args:
        packages: which must be open.
        os: the Windows that they are for.
        allows_modified: warn of such packages in place of refusing them.
        allows_unsigned: do not warn of packages without a catalog, which a Windows of 64 bits refuses.

    Returns:
        Sentences for people: of what is not signed, and of what could not be compared.

    Raises:
        InvalidInput: naming the files; also when a catalog is none.
        InvalidVolume, StorageError: when a file cannot be read.
    """
    checker = CatalogChecker()
    modified: list[str] = []
    warnings: list[str] = []
    for package in packages:
        found = checker.check(package, os.architecture, (each.path for each in package.inf.files(os).files))
        if not found.is_there and os.architecture in _SIGNED_ONLY and not allows_unsigned:
            warnings.append(
                f"{package.path}: has no catalog of signatures ({found.path or 'and names none'}); Windows of "
                f"{os.architecture} loads no kernel driver without a signature"
            )
        elif found.is_there and found.catalog is None and missing_module():
            # Once, however many packages there are.
            warnings.append(f"drivers are not compared with their catalogs: {found.fault}")
        elif found.is_there and found.catalog is None:
            modified.append(f"{package.path}: its catalog {found.path} cannot be read: {found.fault}")
        modified += _told(package, found, Verdict.WRONG, "not what its catalog {} vouches for")
        warnings += _told(package, found, Verdict.NOT_CHECKED, "not compared with its catalog {}")
    if modified and not allows_modified:
        shown = "; ".join(modified[:_SHOWN]) + (f"; and {len(modified) - _SHOWN} more" if modified[_SHOWN:] else "")
        remedy = Remedy("get it again, whole, from who gave it out; {} takes it none the less", (Means.ALLOW_MODIFIED,))
        raise InvalidInput(shown, remedy=remedy)
    return tuple(dict.fromkeys((*modified, *warnings)))


def _told(package: DriverPackage, check: CatalogCheck, verdict: Verdict, what: str) -> Iterator[str]:
    """Yield one sentence of the files with a verdict, if there are any."""
    found = [f"{each.path}: {each.reason}" for each in check.files if each.verdict is verdict]
    if found:
        more = f" and {len(found) - _SHOWN} more" if found[_SHOWN:] else ""
        yield f"{package.path}: {what.format(check.path)}: {', '.join(found[:_SHOWN])}{more}"


def signature_of(package: DriverPackage, os: TargetOs) -> Signature:
    """Return what ranks a package by its signature when its files are compared with its catalog.

    Raises:
        InvalidVolume, StorageError: when a file cannot be read.
    """
    try:
        verdict = check_catalog(package, os).verdict
    except InvalidInput:
        return Signature.UNKNOWN
    return {
        Verdict.RIGHT: Signature.CHECKED,
        Verdict.NOT_CHECKED: Signature.PRESENT,
        Verdict.WRONG: Signature.NONE,
    }[verdict]
