r"""Which driver is chosen for a device, among INFs that are read."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from osdimage.imaging.drivers import (
    Architecture,
    Candidate,
    Device,
    DriverFacts,
    InfFile,
    Matching,
    MemoryIndex,
    Signature,
    TargetOs,
    Why,
    index_packages,
    match_drivers,
    read_inf,
)
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.files import FileFacts

_SEVEN = TargetOs(6, 1, 7601, Architecture.AMD64)
_TEN = TargetOs(10, 0, 22631, Architecture.AMD64)
_XP = TargetOs(5, 1, 2600, Architecture.X86)

# The disk of virtio, as Windows 10 lists it.
_DISK = Device(
    "disk",
    (
        r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4&REV_01",
        r"PCI\VEN_1AF4&DEV_1042&SUBSYS_11001AF4",
        r"PCI\VEN_1AF4&DEV_1042&CC_010000",
        r"PCI\VEN_1AF4&DEV_1042&CC_0100",
    ),
    (r"PCI\VEN_1AF4&DEV_1042&REV_01", r"PCI\VEN_1AF4&DEV_1042", r"PCI\CC_010000", r"PCI\CC_0100"),
)
_FULL, _SHORT, _CLASS = _DISK.hardware_ids[0], r"PCI\VEN_1AF4&DEV_1042", r"PCI\CC_0100"


@dataclass(frozen=True)
class _Package:
    """A package in memory: its INF, and the names of the files beside it."""

    inf: InfFile
    path: str
    files: frozenset[str] = frozenset({"x.cat"})

    def find(self, path: str) -> FileFacts | None:
        return (
            FileFacts(path, is_directory=False, size=1, attributes=0, modified_ns=None) if path in self.files else None
        )


@dataclass
class _Inf:
    """An INF that is to be written."""

    ids: str = _FULL
    date: str = "01/02/2024,1.0.0.0"
    decoration: str = "NTamd64"
    section: str = "Install.NT"
    lines: list[str] = field(default_factory=list)
    version: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)

    def package(self, path: str, *files: str) -> _Package:
        text = [
            *("[Version]", 'Signature="$Windows NT$"', "CatalogFile=x.cat", "Provider=Contoso"),
            *([f"DriverVer={self.date}"] if self.date else []),
            *(self.version or ["Class=SCSIAdapter", "ClassGuid={4D36E97B-E325-11CE-BFC1-08002BE10318}"]),
            *("[Manufacturer]", f"Contoso=Models,{self.decoration}" if self.decoration else "Contoso=Models"),
            f"[Models.{self.decoration}]" if self.decoration else "[Models]",
            f'"A disk"=Install,{self.ids}',
            f"[{self.section}]",
            *self.lines,
            *self.behind,
        ]
        inf = read_inf("\r\n".join(text).encode(), name=path)
        return _Package(inf, path, frozenset(files or ("x.cat",)))


def _match(*packages: _Package, os: TargetOs = _TEN, device: Device = _DISK) -> Matching:
    return match_drivers(packages, [device], os)


def _chosen(*packages: _Package, os: TargetOs = _TEN, device: Device = _DISK) -> str:
    (found,) = _match(*packages, os=os, device=device).devices
    assert found.chosen is not None
    return found.chosen.driver.name


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(_Inf(_FULL), _Inf(_SHORT), id="the-id-that-says-more"),
        pytest.param(_Inf(_SHORT), _Inf(_CLASS, date="01/01/2030,9.0.0.0"), id="identifier-before-date"),
        pytest.param(_Inf(_CLASS, lines=["FeatureScore=0xFE"]), _Inf(_FULL), id="feature-score-before-identifier"),
        pytest.param(_Inf(date="02/01/2024,1.0.0.0"), _Inf(date="01/31/2024,2.0.0.0"), id="date-before-version"),
        pytest.param(_Inf(date="01/02/2024,1.10.0.0"), _Inf(date="01/02/2024,1.9.0.0"), id="version-by-its-numbers"),
        pytest.param(_Inf(), _Inf(date=""), id="any-date-before-none"),
        pytest.param(_Inf(f"OTHER,{_FULL}"), _Inf(_SHORT), id="compatible-id-of-inf-before-that-of-device"),
        pytest.param(_Inf(), _Inf(), id="the-first-of-equals"),
    ],
)
def test_the_better_driver_is_chosen(better: _Inf, worse: _Inf) -> None:
    assert _chosen(better.package("better.inf"), worse.package("worse.inf")) == "better.inf"
    if better != worse:
        assert _chosen(worse.package("worse.inf"), better.package("better.inf")) == "better.inf"


def test_a_package_without_its_catalog_comes_after_all_that_have_theirs() -> None:
    unsigned = _Inf(_FULL).package("unsigned.inf", "other.cat")
    signed = _Inf(_CLASS, date="01/01/2001,1.0.0.0").package("signed.inf")
    (found,) = _match(unsigned, signed).devices
    assert [str(each.rank) for each in found.candidates] == ["0x00FF2003", "0x80FF0000"]
    assert found.candidates[1].driver.signature is Signature.NONE


def test_an_unsigned_package_without_nt_comes_after_one_with_it() -> None:
    plain = _Inf(section="Install", decoration="", ids=_FULL).package("plain.inf", "none")
    other = _Inf(section="Install.NTx86", decoration="NTx86", ids=_CLASS).package("nt.inf", "none")
    os = TargetOs(6, 1, 7601, Architecture.X86)
    (found,) = _match(plain, other, os=os).devices
    assert [str(each.rank) for each in found.candidates] == ["0x80FF2003", "0xC0FF0000"]


def test_ids_are_compared_without_regard_to_case() -> None:
    assert _chosen(_Inf(_FULL.lower()).package("lower.inf")) == "lower.inf"


def test_the_best_line_of_a_package_counts() -> None:
    (found,) = _match(
        _Inf(_CLASS, behind=["[Models.NTamd64]", f'"Same disk"=Install,{_FULL}']).package("two.inf")
    ).devices
    assert [(each.id, str(each.rank)) for each in found.candidates] == [(_FULL, "0x00FF0000")]


def test_where_the_windows_moves_an_id_the_rank_changes() -> None:
    # The same line in the list of Windows 7, where VEN&DEV is the fourth hardware id.
    old = Device("disk", (*_DISK.hardware_ids[:2], r"PCI\VEN_1AF4&DEV_1042&REV_01", _SHORT), ())
    package = _Inf(_SHORT).package("x.inf")
    assert [
        str(_match(package, os=os, device=each).devices[0].candidates[0].rank)
        for os, each in ((_SEVEN, old), (_TEN, _DISK))
    ] == ["0x00FF0003", "0x00FF2001"]


def test_before_vista_feature_scores_do_not_count() -> None:
    worse = _Inf(_CLASS, lines=["FeatureScore=0x10"], decoration="NTx86", section="Install").package("worse.inf")
    better = _Inf(_FULL, decoration="NTx86", section="Install").package("better.inf")
    assert _chosen(worse, better, os=_XP) == "better.inf"


def test_the_date_of_the_install_section_stands_above_that_of_the_inf() -> None:
    newer = _Inf(date="01/01/2020,1.0.0.0", lines=["DriverVer=01/01/2025,1.0.0.0"]).package("newer.inf")
    assert _chosen(_Inf(date="01/01/2024,1.0.0.0").package("older.inf"), newer) == "newer.inf"


def test_a_driver_for_another_windows_is_no_candidate_and_is_told() -> None:
    later = _Inf(_FULL, decoration="NTamd64.10.0...26100").package("later.inf")
    other = _Inf(_FULL, decoration="NTarm64", section="Install.NT").package("arm.inf")
    matching = _match(later, other)
    (found,) = matching.devices
    assert found.chosen is None
    assert [(each.driver.name, each.candidate.decoration) for each in found.misfits] == [
        ("later.inf", "NTamd64.10.0...26100"),
        ("arm.inf", "NTarm64"),
    ]
    assert [(each.driver.name, each.why) for each in matching.unused] == [
        ("later.inf", Why.OTHER_WINDOWS),
        ("arm.inf", Why.OTHER_WINDOWS),
    ]
    assert matching.without_driver == (found,)


_EXTENSION = ["Class=Extension", "ClassGuid={e2f84ce7-8efa-411c-aa69-97454ca4cb57}"]
_COMPONENT = ["Class=SoftwareComponent", "ClassGuid={5c4c3332-344d-483c-8739-259e934c9cc8}"]


def _extension(identity: str, date: str, *behind: str) -> _Inf:
    return _Inf(
        _FULL,
        date=date,
        version=[*_EXTENSION, f"ExtensionId={{{identity * 8}-0000-0000-0000-000000000000}}"],
        behind=list(behind),
    )


def test_extensions_do_not_compete_and_of_one_identity_the_newest_is_added() -> None:
    # The scenario of "Using an Extension INF File": {A} once, and {B} with the versions 1.0 and 2.0 of one date.
    a = _extension("a", "01/01/2010,1.0.0.0").package("a.inf")
    old = _extension("b", "05/16/2017,1.0.0.0").package("b1.inf")
    new = _extension("b", "05/16/2017,2.0.0.0").package("b2.inf")
    base = _Inf(_CLASS).package("base.inf")
    matching = _match(old, a, new, base)
    (found,) = matching.devices
    assert found.chosen is not None
    assert found.chosen.driver.name == "base.inf"
    assert sorted(each.driver.name for each in found.extensions) == ["a.inf", "b2.inf"]
    assert [each.name for each in matching.taken] == ["a.inf", "b2.inf", "base.inf"]
    assert [(each.driver.name, each.why) for each in matching.unused] == [("b1.inf", Why.OUTRANKED)]


def test_an_extension_alone_is_no_driver_of_a_device() -> None:
    matching = _match(_extension("a", "01/01/2010,1.0.0.0").package("a.inf"))
    assert matching.without_driver == matching.devices
    assert [each.driver.name for each in matching.devices[0].extensions] == ["a.inf"]


def test_software_components_are_followed_for_one_level() -> None:
    # As in Microsoft's sample DCHU: the extension makes a component, and an INF of its own has the driver for that.
    extension = _extension(
        "a",
        "05/16/2017,15.14.36.721",
        *("[Install.NT.Components]", "AddComponent=first,,First", "[First]", "ComponentIds=VID_045e&PID_94ab"),
    ).package("extension.inf")
    component = _Inf(
        r"SWC\VID_045e&PID_94ab",
        version=_COMPONENT,
        behind=["[Install.NT.Components]", "AddComponent=next,,Next", "[Next]", "ComponentIds=NEXT"],
    ).package("component.inf")
    beyond = _Inf(r"SWC\NEXT", version=_COMPONENT).package("beyond.inf")
    matching = _match(extension, component, beyond, _Inf().package("base.inf"))
    (found,) = matching.devices
    assert [each.driver.name for each in found.components] == ["component.inf"]
    assert [each.name for each in matching.taken] == ["extension.inf", "component.inf", "base.inf"]


def test_of_two_drivers_of_a_component_the_older_is_outranked() -> None:
    makes_one = ["[Install.NT.Components]", "AddComponent=one,,One", "[One]", "ComponentIds=ONE"]
    base = _Inf(behind=makes_one).package("b.inf")
    old, new = (
        _Inf(r"SWC\ONE", date=date, version=_COMPONENT).package(name)
        for date, name in (("01/01/2020,1.0.0.0", "old.inf"), ("01/01/2024,1.0.0.0", "new.inf"))
    )
    matching = _match(base, old, new)
    assert [each.name for each in matching.taken] == ["b.inf", "new.inf"]
    assert [(each.driver.name, each.why) for each in matching.unused] == [("old.inf", Why.OUTRANKED)]


def test_a_component_of_a_driver_that_is_not_chosen_is_left_out() -> None:
    loser = _Inf(
        _CLASS, behind=["[Install.NT.Components]", "AddComponent=one,,One", "[One]", "ComponentIds=ONE"]
    ).package("loser.inf")
    component = _Inf(r"SWC\ONE", version=_COMPONENT).package("component.inf")
    (found,) = _match(loser, component, _Inf(_FULL).package("winner.inf")).devices
    assert found.components == ()


def test_why_a_driver_serves_no_device_is_told() -> None:
    primitive = _Package(
        read_inf(b'[Version]\nSignature="$Windows NT$"\n[DefaultInstall.NTamd64]\n', name="p"), "primitive.inf"
    )
    template = _Inf(_FULL, decoration="NT$ARCH$").package("template.inf")
    elsewhere = _Inf(r"PCI\VEN_8086&DEV_10D3").package("elsewhere.inf")
    matching = _match(primitive, template, elsewhere, _Inf(_CLASS).package("second.inf"), _Inf().package("first.inf"))
    assert {each.driver.name: each.why for each in matching.unused} == {
        "primitive.inf": Why.PRIMITIVE,
        "template.inf": Why.FAULT,
        "elsewhere.inf": Why.NO_DEVICE,
        "second.inf": Why.OUTRANKED,
    }
    fault = next(each.driver.fault for each in matching.unused if each.why is Why.FAULT)
    assert fault is not None
    assert re.fullmatch(r"it is a template: \$ARCH\$ in line \d+ was not filled in", fault)


def test_an_index_of_anybody_is_asked_for_the_ids_of_the_devices_alone() -> None:
    asked: list[set[str]] = []
    real = index_packages([_Inf().package("x.inf")], _TEN)

    class Catalog:
        """Such as one in a database."""

        os = _TEN

        def drivers(self) -> Sequence[DriverFacts]:
            return real.drivers()

        def candidates(self, ids: Collection[str]) -> Mapping[str, Sequence[Candidate]]:
            asked.append(set(ids))
            return real.candidates(ids)

    assert match_drivers(Catalog(), [_DISK], _TEN) == match_drivers(real, [_DISK], _TEN)
    assert asked[0] == {each.casefold() for each in (*_DISK.hardware_ids, *_DISK.compatible_ids)}


def test_an_index_for_another_windows_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"is for 6\.1\.7601 amd64 workstation, not for 10\.0\.22631 amd64"):
        match_drivers(MemoryIndex(_SEVEN, [], []), [_DISK], _TEN)
