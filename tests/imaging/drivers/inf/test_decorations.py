"""Which section of models a Windows takes: Microsoft's "INF Manufacturer Section", its rules and its examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.drivers import Architecture, Decoration, ProductType, TargetOs, read_inf
from osdimage.imaging.drivers.inf.decorations import best_of

AMD64, X86, ARM64, IA64 = Architecture.AMD64, Architecture.X86, Architecture.ARM64, Architecture.IA64
DATACENTER = 0x80


def windows(version: str, architecture: Architecture = AMD64, product: int = 1, suites: int = 0) -> TargetOs:
    plain = TargetOs.parse(version, architecture, product=ProductType(product))
    return TargetOs(plain.major, plain.minor, plain.build, plain.architecture, plain.product, suites)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NT", Decoration("NT")),
        ("ntx86", Decoration("ntx86", X86)),
        ("NTamd64.10.0...16299", Decoration("NTamd64.10.0...16299", AMD64, 10, 0, build=16299)),
        ("NTx86....0x80", Decoration("NTx86....0x80", X86, suites=DATACENTER)),
        ("NT.5", Decoration("NT.5", None, 5)),
        ("NTARM64.6.2.3", Decoration("NTARM64.6.2.3", ARM64, 6, 2, 3)),
        ("NTia64.5.1.0x0000003", Decoration("NTia64.5.1.0x0000003", IA64, 5, 1, 3)),
        ("NTmips", None),
        ("NT$ARCH$", None),
        ("amd64", None),
        ("NTamd64.x", None),
        ("NTamd64.10.0...16299.1", None),
        ("", None),
    ],
)
def test_a_decoration_is_read(text: str, expected: Decoration | None) -> None:
    assert Decoration.parse(text) == expected


@pytest.mark.parametrize(
    ("named", "os", "expected"),
    [
        # (a) of the page: "NT, NT.5, NT.5.5, NT....0x80" on Windows XP.
        pytest.param("NT,NT.5,NT.5.5,NT....0x80", windows("5.1", X86), "NT.5", id="page"),
        pytest.param("NT,NT.5,NT.5.5,NT....0x80", windows("5.1", X86, 3, DATACENTER), "NT.5", id="page, Datacenter"),
        pytest.param("NTx86....0x80,NTamd64", windows("5.1", X86, 3, DATACENTER), "NTx86....0x80", id="suite"),
        pytest.param("NTx86....0x80,NTamd64", windows("5.1", X86, 3), None, id="not that suite"),
        pytest.param("NTx86....0x82", windows("5.1", X86, 3, DATACENTER), None, id="not all suites"),
        # (b) the build is compared when the version is the same.
        pytest.param("NTamd64.10.0...16299", windows("10.0.15063"), None, id="older build"),
        pytest.param("NTamd64.10.0...16299", windows("10.0.16299"), "NTamd64.10.0...16299", id="this build"),
        pytest.param("NTamd64.10.0...16299", windows("10.0.22631"), "NTamd64.10.0...16299", id="newer build"),
        pytest.param("NTamd64.10.0...16299", windows("11.0.1"), "NTamd64.10.0...16299", id="newer version"),
        pytest.param("NTamd64.10.0...16299", windows("6.3.9600"), None, id="older version"),
        pytest.param("NTamd64.10.0...22000,NTamd64.10.0", windows("10.0.19045"), "NTamd64.10.0", id="Windows 10"),
        pytest.param(
            "NTamd64.10.0...22000,NTamd64.10.0", windows("10.0.22000"), "NTamd64.10.0...22000", id="Windows 11"
        ),
        pytest.param("NTamd64.10.0...22000", windows("10.0"), None, id="build not known"),
        # Windows before 14310 does not understand a decoration with a build.
        pytest.param("NTamd64.10.0...10240", windows("10.0.10586"), None, id="builds not understood"),
        pytest.param("NTamd64.6.1...7600", windows("6.1.7601"), None, id="builds not understood by 7"),
        pytest.param("NTamd64.10.0...14310", windows("10.0.14310"), "NTamd64.10.0...14310", id="first that does"),
        pytest.param("NTamd64.6.1...7600", windows("10.0.14393"), "NTamd64.6.1...7600", id="build of an older version"),
        # (d) a product type that does not fit.
        pytest.param("NTamd64.6.1.1,NTamd64.6.0", windows("6.1", AMD64, 3), "NTamd64.6.0", id="server"),
        pytest.param("NTamd64.6.1.1,NTamd64.6.0", windows("6.1", AMD64, 1), "NTamd64.6.1.1", id="workstation"),
        pytest.param("NTamd64.6.0,NTamd64.6.0.3", windows("6.1", AMD64, 3), "NTamd64.6.0.3", id="closer product"),
        pytest.param("NTamd64.6.1,NTamd64.6.0.3", windows("6.1", AMD64, 3), "NTamd64.6.1", id="version before product"),
        pytest.param("NTamd64...3", windows("6.1", AMD64, 2), None, id="controller is no server"),
        # No architecture is x86 from Server 2003 SP1 on.
        pytest.param("NT", windows("6.1", X86), "NT", id="no architecture on x86"),
        pytest.param("NT.6.0", windows("6.1"), None, id="no architecture on amd64"),
        pytest.param("NT.5.1", windows("5.1", IA64), "NT.5.1", id="no architecture on ia64 before that"),
        pytest.param("NTamd64,NTx86", windows("10.0.22631", ARM64), None, id="arm64 of others"),
        pytest.param("NTamd64,NTARM64.10.0", windows("10.0.22631", ARM64), "NTARM64.10.0", id="arm64"),
        pytest.param("NTx86,NT", windows("5.1", X86), "NTx86", id="architecture is closer"),
        pytest.param("NTx86.5.1,NT.6.0", windows("6.1", X86), "NT.6.0", id="version before architecture"),
        pytest.param("NTx86", windows("5.0", X86), None, id="Windows 2000 knows none"),
    ],
)
def test_the_highest_version_that_fits_is_taken(named: str, os: TargetOs, expected: str | None) -> None:
    parsed = [Decoration.parse(each) for each in named.split(",")]
    best = best_of((each for each in parsed if each is not None), os)
    assert (None if best is None else best.text) == expected


INF = """[Version]
Signature = "$Windows NT$"
[Manufacturer]
%Mfg% = Models, {decorations}
{sections}
[Strings]
Mfg = "Contoso"
"""


def ids_for(decorations: str, sections: dict[str, str], os: TargetOs) -> list[str | None]:
    body = "\n".join(f"[{name}]\n{f'%Mfg% = x, {id_}' if id_ else ''}" for name, id_ in sections.items())
    inf = read_inf(INF.format(decorations=decorations, sections=body).encode(), name="x.inf")
    return [each.hardware_id for each in inf.models(os)]


EMPTY_6_0 = {"Models.NTx86.6.0": "", "Models.NTx86.5.1": "A"}


@pytest.mark.parametrize(
    ("decorations", "sections", "os", "expected"),
    [
        # (c) an empty section means "not for this Windows".
        pytest.param("NTx86.6.0,NTx86.5.1", EMPTY_6_0, windows("6.1", X86), [], id="empty section"),
        pytest.param("NTx86.6.0,NTx86.5.1", EMPTY_6_0, windows("5.1", X86), ["A"], id="below the empty section"),
        pytest.param(
            "NTamd64.6.1.1,NTamd64.6.0",
            {"Models.NTamd64.6.1.1": "A", "Models.NTamd64.6.0": ""},
            windows("6.1", AMD64, 3),
            [],
            id="(d) empty section on a server",
        ),
        # Example 1 of the page: the section without a decoration is that of Windows 2000.
        pytest.param("NTx86.5.1", {"Models": "A", "Models.NTx86.5.1": "B"}, windows("5.0", X86), ["A"], id="2000"),
        pytest.param("NTx86.5.1", {"Models": "A", "Models.NTx86.5.1": "B"}, windows("5.1", X86), ["B"], id="XP"),
        pytest.param("NTamd64", {"Models": "A", "Models.NTamd64": "B"}, windows("6.1", X86), ["A"], id="x86 below"),
        pytest.param("NTamd64", {"Models": "A", "Models.NTamd64": "B"}, windows("6.1"), ["B"], id="amd64"),
        pytest.param("NTx86", {"Models": "A", "Models.NTx86": "B"}, windows("6.1"), [], id="plain is not for amd64"),
        pytest.param("", {"Models": "A"}, windows("10.0.22631", X86), ["A"], id="none named, x86"),
        pytest.param("", {"Models": "A"}, windows("10.0.22631"), [], id="none named, amd64"),
        pytest.param("NTAMD64", {"models.ntamd64": "A"}, windows("6.1"), ["A"], id="any case"),
    ],
)
def test_the_models_are_those_of_the_chosen_section(
    decorations: str, sections: dict[str, str], os: TargetOs, expected: list[str]
) -> None:
    assert ids_for(decorations, sections, os) == expected


NUMBERS = st.integers(0, 12) | st.none()


@given(NUMBERS, NUMBERS, st.sampled_from([None, 14310, 16299, 22000]), st.integers(5, 11), st.integers(0, 4))
def test_a_newer_windows_never_takes_an_older_section(
    major: int | None, minor: int | None, build: int | None, os_major: int, os_minor: int
) -> None:
    os = TargetOs(os_major, os_minor, 22631, AMD64)
    plain = Decoration("NTamd64.5.0", AMD64, 5)
    other = Decoration("NTamd64.x", AMD64, major, minor or 0, build=build)
    best = best_of([plain, other], os)
    # 5.0 fits every Windows here but the first, so that there is always one.
    if os.version >= (5, 1):
        assert best is not None
        assert best.version <= os.version
        assert best.version >= plain.version
