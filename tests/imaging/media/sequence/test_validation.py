"""What keeps a task sequence from running from stand-alone media, told before these are made.

What a step needs, and what stand-alone media do not have, is that of Operating System Deployment in Configuration
Manager 2007: "Stand-alone media", "Task Sequence Built-in Variables", "About Task Sequence Variables".
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cases.pe import driver
from cases.sequence import capture, tell, windows_tree
from osdimage.imaging.errors import Means, NotForMedia
from osdimage.imaging.finding import Severity
from osdimage.imaging.media.sequence.given import StandaloneGiven
from osdimage.imaging.media.sequence.validation import Validation, validate_standalone
from osdimage.imaging.tasksequence.computer.supplies import Application, FirstBoot, Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Condition, Operator
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.xml import load_sequence
from osdimage.imaging.tasksequence.result import RunIn
from osdimage.imaging.tasksequence.sequence import Group, Step

SAMPLES = Path(__file__).parents[4] / "fixtures" / "tasksequence"
NOT_ON_MEDIA = Compare("_SMSTSMediaType", Operator.NOT_EQUALS, "FullMedia")


def validated(*members: Group | Step, packages: dict[str, Path] | None = None, **more: object) -> Validation:
    return validate_standalone(StandaloneGiven(sequence("S", *members), packages or {}, **more))  # type: ignore[arg-type]


def told(found: Validation, *codes: str) -> list[tuple[str, str]]:
    """Return severity and text of the findings with these codes."""
    return [(each.severity.value, each.text) for each in found.findings if each.code in codes]


def apply_data(name: str, package: str, *, condition: Condition | None = None, disable: bool = False) -> Step:
    properties = {"ImagePackageID": package}
    return step(name, "ApplyDataImage", {"OSDImageIndex": "1"}, properties, condition=condition, disable=disable)


# What it installs by a site has the condition that asks for other media, so that its package is not needed.
def test_the_sample_for_stand_alone_media_needs_three_of_its_four_packages() -> None:
    given = StandaloneGiven(load_sequence(SAMPLES / "standalone-media.xml"), {}, is_encrypted=True)
    found = validate_standalone(given)
    assert found.packages == ("ABC00001", "ABC00003", "ABC00002")
    assert [text for _, text in told(found, "package-missing")] == [
        "package ABC00001 is not given; it is needed by step 7 'Apply Operating System'",
        "package ABC00003 is not given; it is needed by step 7 'Apply Operating System'",
        "package ABC00002 is not given; it is needed by step 8 'Apply Data Image'",
    ]
    assert told(found, "package-referred-to") == [
        ("note", "the sequence refers to package ABC00004, and no step that may run from media is seen to need it")
    ]


def test_missing_packages_are_told_together_with_every_step_that_needs_them() -> None:
    found = validated(apply_data("a", "ABC00001"), apply_data("b", "ABC00002"), apply_data("c", "abc00001"))
    with pytest.raises(NotForMedia) as caught:
        found.require()
    assert caught.value.problems == (
        "package ABC00001 is not given; it is needed by step 1 'a', step 3 'c'",
        "package ABC00002 is not given; it is needed by step 2 'b'",
    )
    remedy = caught.value.remedy
    assert remedy is not None
    assert (remedy.means, remedy.values) == ((Means.PACKAGES, Means.PACKAGES), ("ABC00001", "ABC00002"))


NEEDED: dict[str, tuple[Group | Step, tuple[str, ...]]] = {
    "disabled": (apply_data("a", "P1", disable=True), ()),
    "in a disabled group": (group("G", apply_data("a", "P1"), disable=True), ()),
    "never on media": (apply_data("a", "P1", condition=NOT_ON_MEDIA), ()),
    "in a group that is never on media": (group("G", apply_data("a", "P1"), condition=NOT_ON_MEDIA), ()),
    "only on media": (
        apply_data("a", "P1", condition=Compare("_SMSTSMediaType", Operator.EQUALS, "FullMedia")),
        ("P1",),
    ),
    # Media have no advertisement.
    "advertised": (apply_data("a", "P1", condition=Compare("_SMSTSAdvertID", Operator.EXISTS)), ()),
    "on some computers": (apply_data("a", "P1", condition=Compare("Model", Operator.EQUALS, "X")), ("P1",)),
    "drivers": (step("a", "ApplyDriverPackage", properties={"DriverPackageID": "P1"}), ("P1",)),
    "the client": (step("a", "SetupWindowsAndSMS", {"_SMSClientPackageID": "P1"}), ("P1",)),
    "content": (step("a", "DownloadPackageContent", {"OSDDownloadDownloadPackages": "P1,P2"}), ("P1", "P2")),
    "a command of the editor": (step("a", "RunCommandLine", command="smsswd.exe /run:P1 setup.exe /s"), ("P1",)),
}


@pytest.mark.parametrize("name", NEEDED)
def test_packages_are_needed_by_steps_that_may_run(name: str) -> None:
    member, packages = NEEDED[name]
    # The editor lists what a sequence refers to.
    given = StandaloneGiven(sequence("S", member, packages=["P1", "P2"]), {})
    assert validate_standalone(given).packages == packages


def test_packages_of_lists_and_of_applications_are_needed_too(tmp_path: Path) -> None:
    install = step("b", "InstallSoftware", properties={"BaseVariableName": "PKG"})
    applications = Supplies(applications={"Viewer": Application("viewer.exe", "P3")})
    found = validated(
        step("a", "ApplyOperatingSystem", properties={"ImagePackageID": "%Which%"}),
        install,
        variables={"PKG001": "P1:Install", "PKG002": "P2:Setup"},
        supplies=applications,
        packages={"P9": tmp_path},
    )
    assert found.packages == ("P1", "P2", "P3")
    assert "application 'Viewer'" in told(found, "package-missing")[2][1]
    assert [text for _, text in told(found, "package-not-known", "package-unused")] == [
        "step 1 'a': which package it needs is known only when it runs: %Which%",
        "package P9 is given, and no step is seen to need it",
    ]


PLACES: dict[str, tuple[Step, str, str]] = {
    "drivers of a catalog": (step("a", "AutoApply"), "warning", "from a catalog, and none is on the media"),
    "updates": (step("a", "InstallUpdate"), "warning", "the media have no site"),
    "a state store": (step("a", "RequestStateStore"), "warning", "asks a site for a place"),
    "a network folder": (step("a", "ConnectNetworkFolder"), "warning", "it needs the network"),
    "a domain": (step("a", "JoinDomainWorkgroup", {"OSDJoinType": "0"}), "warning", "a domain controller"),
    "software too early": (
        step("a", "InstallSoftware", properties={"PackageID": "P1", "ProgramName": "I"}),
        "error",
        "no software is installed before the Windows is there",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_steps_that_need_what_media_do_not_have_are_told(name: str) -> None:
    member, severity, text = PLACES[name]
    ((found, said),) = told(validated(member), "needs-site", "software-before-windows")
    assert (found, text in said) == (severity, True)


def test_steps_that_never_run_from_media_need_nothing() -> None:
    found = validated(
        step("a", "InstallSoftware", properties={"PackageID": "P1", "ProgramName": "I"}, condition=NOT_ON_MEDIA),
        step("b", "AutoApply", disable=True),
        step("c", "JoinDomainWorkgroup", {"OSDJoinType": "1", "OSDJoinWorkgroupName": "W"}, condition=NOT_ON_MEDIA),
    )
    assert [each.code for each in found.findings] == ["package-referred-to"]
    assert (found.packages, found.steps) == ((), 0)


def test_wrong_variables_are_told_together_without_their_values() -> None:
    values = {"_SMSTSMediaType": "x", "1st": "x", "Long": "s" * 4001, "Half": "\ud800", "Twice": "1", "tWICE": "2"}
    found = told(validated(step("a", "SetVariable", {}, {"VariableName": "A"}), variables=values), "variable")
    assert [severity for severity, _ in found] == ["error"] * 5
    texts = " ".join(text for _, text in found)
    assert all(
        name in texts for name in ("_SMSTSMediaType is read-only", "1st", "4,000", "Half", "tWICE is given twice")
    )
    assert "ssss" not in texts


def test_secrets_are_refused_without_a_password() -> None:
    steps = (
        step("a", "ApplyWindowsSettings", {"OSDLocalAdminPassword": "swordfish"}),
        step("b", "SetVariable", {}, {"VariableName": "A"}),
        step("c", "ApplyWindowsSettings", {"OSDLocalAdminPassword": "%AskedPassword%"}),
        step("d", "ApplyWindowsSettings", {"OSDLocalAdminPassword": "50%off"}),
        step("e", "SetVariable", {}, {"VariableName": "BDEPin", "VariableValue": "314159"}),
        step("f", "SetVariable", {}, {"VariableName": "License", "VariableValue": "5678"}),
        step(
            "g",
            "SetVariable",
            {},
            {"VariableName": "B", "VariableValue": "27182", "DoNotShowVariableValue": "true"},
        ),
    )
    values = {"OSDJoinPassword": "hunter2", "License": "1234-5678", "Plain": "x", "EmptyPassword": ""}
    hidden = frozenset({"license"})
    found = validated(*steps, variables=values, hidden=hidden)
    assert [text.partition(" would")[0] for _, text in told(found, "secret-in-clear-text")] == [
        "the value of OSDJoinPassword is secret, and",
        "the value of License is secret, and",
        "step 1 'a': OSDLocalAdminPassword",
        "step 4 'd': OSDLocalAdminPassword",
        "step 5 'e': BDEPin",
        "step 6 'f': License",
        "step 7 'g': B",
    ]
    assert not any(
        secret in each.text
        for each in found.findings
        for secret in ("swordfish", "hunter2", "1234", "50%", "314159", "5678", "27182")
    )
    for allowed in ({"is_encrypted": True}, {"allows_plaintext_secrets": True}):
        assert not told(validated(*steps, variables=values, hidden=hidden, **allowed), "secret-in-clear-text")


def test_what_an_empty_computer_would_refuse_is_a_warning_that_strict_takes_for_an_error() -> None:
    found = validated(step("a", "Frobnicate"), supplies=Supplies(first_boot=FirstBoot.NONE))
    ((severity, text),) = told(found, "cannot-run")
    assert severity == "warning"
    assert text.startswith("step 1 'a': step type SMS_TaskSequence_FrobnicateAction is not known to osdimage")
    found.require()
    with pytest.raises(NotForMedia, match="Frobnicate"):
        found.require(strict=True)


def test_a_sequence_that_only_sets_variables_has_no_findings() -> None:
    found = validated(step("a", "SetVariable", {}, {"VariableName": "A", "VariableValue": "1"}), variables={"B": "2"})
    assert (found.findings, found.packages, found.steps) == ((), (), 1)
    found.require(strict=True)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("images")
    made: dict[str, Path] = {}

    def image(architecture: str) -> Path:
        if architecture not in made:
            tree = windows_tree(folder / architecture, architecture=architecture)
            made[architecture] = capture(tree, folder / f"{architecture}.wim")
            tell(made[architecture], 1, "10.0.19045", architecture)
        return made[architecture]

    return image


@pytest.mark.foreign
def test_an_image_that_is_not_in_its_package_is_an_error(images: Callable[[str], Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.wim"
    broken.write_bytes(b"no WIM")

    def apply(name: str, package: str, index: str) -> Step:
        return step(name, "ApplyOperatingSystem", {"OSDImageIndex": index}, {"ImagePackageID": package})

    packages = {"P1": images("x64"), "P2": broken, "P3": tmp_path / "gone.wim"}
    found = validated(apply("a", "P1", "2"), apply("b", "P2", "1"), apply("c", "P1", "1"), packages=packages)
    first, second = told(found, "image-missing", "image-unreadable", "architecture")
    assert first[0] == second[0] == "error"
    assert first[1].startswith("step 1 'a': ")
    assert first[1].endswith("x64.wim: no image fits index 2; it has 1 image")
    assert second[1].startswith("step 2 'b': ")


# "if the boot image is for another processor than the computer, the installation fails later" (lines 755 to 759 of the
# document); programs for x86 run in no Windows PE for x64 ("WinPE: Windows on Windows is not there").
@pytest.mark.foreign
@pytest.mark.parametrize(
    ("boot", "image", "severity"),
    [
        pytest.param("x64", "x64", None, id="alike"),
        pytest.param("x86", "x64", None, id="x64 by x86"),
        pytest.param("x64", "x86", "warning", id="x86 by x64"),
        pytest.param("x64", "arm64", "error", id="arm64 by x64"),
        pytest.param("arm64", "x64", "error", id="x64 by arm64"),
    ],
)
def test_the_image_fits_what_the_media_start(
    images: Callable[[str], Path], boot: str, image: str, severity: str | None
) -> None:
    wanted = step("a", "ApplyOperatingSystem", {"OSDImageIndex": "1"}, {"ImagePackageID": "P1"})
    found = told(validated(wanted, packages={"P1": images(image)}, architecture=boot), "architecture")
    assert [each for each, _ in found] == ([] if severity is None else [severity])


def test_a_program_for_x86_is_told_that_is_to_run_in_windows_pe_for_x64(tmp_path: Path) -> None:
    (tmp_path / "old.exe").write_bytes(driver("x86"))
    (tmp_path / "new.exe").write_bytes(driver("amd64"))

    def run(command: str, where: RunIn = RunIn.WINPE) -> Step:
        return step("a", "RunCommandLine", {}, {"PackageID": "P1"}, command=command, run_in=where)

    steps = (
        run("old.exe /s"),
        run('"new.exe" /s'),
        run("OLD.EXE"),
        run("old.exe", RunIn.FULL_OS),
        run("cmd /c old.exe"),
    )
    found = validated(*steps, packages={"P1": tmp_path})
    assert [text.partition(":")[0] for _, text in told(found, "architecture")] == ["step 1 'a'", "step 3 'a'"]
    assert not told(validated(*steps, packages={"P1": tmp_path}, architecture="x86"), "architecture")


def test_findings_are_in_the_order_of_how_much_they_matter(tmp_path: Path) -> None:
    given = StandaloneGiven(
        sequence("S", step("a", "AutoApply"), apply_data("b", "P1"), packages=["P1", "P2"]), {"P3": tmp_path}
    )
    order = [each.severity for each in validate_standalone(given).findings]
    assert order == sorted(order, key=list(Severity).index)
    assert {*order} == {*Severity}
