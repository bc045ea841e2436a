"""Steps of MDT that wait for the first start: applications, packages, roles, and what is behind the installation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

import pytest
from cases.staging import judged, new_windows, refusal, staged
from judges import batch
from judges.wine import Wine
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.supplies import Application, Supplies
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.build import step
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.staging.staged import StagedCommand, StagedStep

A, B, C, D = (f"{{{digit * 8}-0000-0000-0000-000000000000}}" for digit in "abcd")


def made_share(folder: Path, **lists: str) -> Path:
    control = folder / "share" / "Control"
    control.mkdir(parents=True)
    for name, items in lists.items():
        (control / f"{name}.xml").write_text(f"<all>{items}</all>")
    return control.parent


def item(guid: str, **facts: str | tuple[str, ...]) -> str:
    texts = [
        f"<{name}>{escape(value)}</{name}>"
        for name, given in facts.items()
        for value in ((given,) if isinstance(given, str) else given)
    ]
    return f'<item guid="{guid}" enable="True">{"".join(texts)}</item>'


def installed(share: Path, phase: Phase = Phase.NEW) -> Machine:
    machine = new_windows(supplies=Supplies(deployment_share=share))
    machine.phase = phase
    return machine


def assert_sound(made: StagedCommand) -> None:
    """Let the judge of batch files look at all lines that a step has."""
    for lines in (made.lines, *(tuple(each.text.splitlines()) for each in made.files)):
        assert batch.faults("".join(f"{line}\r\n" for line in lines).encode()) == []


# ---- applications ----

APPLICATIONS = (
    item(A, Name="7-Zip", CommandLine="7z.exe /S", WorkingDirectory=".\\Applications\\7-Zip", Dependency=B)
    + item(B, Name="Runtime", CommandLine="msiexec /i r.msi /qn", WorkingDirectory="C:\\x", Reboot="True")
    + item(C, Name="Bundle", Dependency=(A, B), WorkingDirectory=".")
    + item(D, Name="Mine & yours", CommandLine="setup.exe /dir %Folder%", WorkingDirectory="")
)


def applications(share: Path, env: Environment, **variables: str) -> StagedCommand:
    made = staged(step("i", "BDD_InstallApplication", variables), installed(share), env)
    assert_sound(made)
    return made


def test_an_application_comes_behind_what_it_depends_on_and_its_files_with_it(tmp_path: Path) -> None:
    share = made_share(tmp_path, Applications=APPLICATIONS)
    (share / "Applications" / "7-Zip").mkdir(parents=True)
    made = applications(share, Environment(), ApplicationGUID=A)
    assert [(each.name, each.path) for each in made.packages] == [("7-Zip-aaaaaaaa", share / "Applications" / "7-Zip")]
    assert [each.text.splitlines()[-1] for each in made.files] == ["msiexec /i r.msi /qn", "7z.exe /S"]
    assert 'pushd "C:\\x"' in made.files[0].text
    assert r"packages\7-Zip-aaaaaaaa" in made.files[1].text
    assert made.does == f"install 2 applications: 'Runtime' ({B}), '7-Zip' ({A})"
    assert made.success_codes == (0, 3010)


def test_lists_are_installed_once_each_the_mandatory_ones_first(tmp_path: Path) -> None:
    share = made_share(tmp_path, Applications=APPLICATIONS)
    (share / "Applications" / "7-Zip").mkdir(parents=True)
    env = Environment(
        computer={"Applications001": D, "Applications2": A, "MandatoryApplications001": C, "Folder": "C:\\a"}
    )
    made = applications(share, env, ApplicationGUID="")
    assert [each.text.splitlines()[-1] for each in made.files] == [
        "msiexec /i r.msi /qn", "7z.exe /S", r"setup.exe /dir C:\a",
    ]  # fmt: skip


def test_a_command_that_the_caller_gives_takes_the_place_of_that_of_the_share() -> None:
    machine = new_windows(supplies=Supplies(applications={A: Application("own.exe")}))
    made = staged(step("i", "ZTIApplications", {"ApplicationGUID": A.upper()}), machine)
    assert made.files[0].text.splitlines()[-1] == "own.exe"


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        pytest.param("", "is not in Applications.xml", id="missing"),
        pytest.param(item(A, CommandLine="a.exe", Dependency=A), "depends on itself", id="circle"),
        pytest.param(
            "".join(item(f"{{{n or A[1:-1]}}}", Dependency=f"{{{n + 1}}}") for n in range(200)), "100 deep", id="deep"
        ),
        pytest.param(item(A, CommandLine="copy a b"), "a command of the shell", id="shell"),
        pytest.param(
            item(A, CommandLine="a.exe", WorkingDirectory=".\\Applications\\A"),
            "not in the deployment share",
            id="files",
        ),
    ],
)
def test_an_application_that_cannot_be_installed_is_refused(tmp_path: Path, items: str, reason: str) -> None:
    share = made_share(tmp_path, Applications=items)
    assert reason in refusal(step("i", "BDD_InstallApplication", {"ApplicationGUID": A}), installed(share))


def test_without_an_application_nothing_waits() -> None:
    assert judged(step("i", "BDD_InstallApplication"), new_windows()).decision is Decision.HOLDS
    wanted = step("i", "BDD_InstallApplication", {"ApplicationGUID": A})
    assert "none was given; give Supplies.deployment_share" in refusal(wanted, new_windows())
    # It waits for the new Windows: Windows PE is not it.
    assert judged(wanted, Machine()).decision is Decision.REFUSE


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wine]:
    made = Wine.make(tmp_path_factory.mktemp("wine") / "prefix")
    yield made
    made.stop()


def run_in(wine: Wine, name: str, made: StagedCommand) -> tuple[str, list[str]]:
    """Return the exit code of a step in Wine's shell, and the words that its commands have written."""
    folder = wine.drive / name / "1"
    folder.mkdir(parents=True)
    lines = {"step.cmd": made.lines, **{each.name: tuple(each.text.splitlines()) for each in made.files}}
    for file, text in lines.items():
        (folder / file).write_bytes("".join(f"{line}\r\n" for line in text).encode())
    (wine.drive / f"{name}.cmd").write_bytes(
        f"@echo off\r\ncmd /d /c C:\\{name}\\1\\step.cmd\r\n>C:\\{name}\\code.txt echo %errorlevel%\r\n".encode()
    )
    wine.run("cmd", "/d", "/c", f"C:\\{name}.cmd")
    said = wine.drive / name / "said.txt"
    words = said.read_text().split() if said.exists() else []
    return (wine.drive / name / "code.txt").read_text().strip(), words


# Right values: what MDT's reference says of codes of success, and that 3010 is a restart: worked out by hand.
@pytest.mark.foreign
@pytest.mark.parametrize(
    ("codes", "success", "expected"),
    [
        pytest.param((0, 0), "0 3010", ("0", 2), id="fine"),
        pytest.param((3010, 0), "0 3010", ("3010", 2), id="restart"),
        pytest.param((0, 5, 0), "0 3010", ("5", 2), id="failed"),
        pytest.param((5, 0), "0 5", ("0", 2), id="allowed"),
        pytest.param((-2147024891, 0), "0 3010", ("-2147024891", 1), id="negative"),
    ],
)
def test_of_several_applications_the_first_failure_ends_the_step_and_a_restart_comes_last(
    wine: Wine, codes: Sequence[int], success: str, expected: tuple[str, int]
) -> None:
    name = "_".join(str(code).strip("-") for code in codes)
    commands = {
        f"{{{number}}}": Application(f'cmd.exe /c "echo x{number}>>C:\\{name}\\said.txt& exit {code}"')
        for number, code in enumerate(codes, 1)
    }
    machine = new_windows(supplies=Supplies(applications=commands))
    variables = {f"Applications{number:03}": guid for number, guid in enumerate(commands, 1)}
    made = staged(step("i", "ZTIApplications", variables | {"ApplicationSuccessCodes": success}), machine)
    assert_sound(made)
    code, said = run_in(wine, name, made)
    assert (code, said) == (expected[0], [f"x{number}" for number in range(1, expected[1] + 1)])


# ---- packages ----

PROFILE = '<SelectionProfile><Include path="Packages" /><Exclude path="Packages\\Old" /></SelectionProfile>'
PACKAGES = (
    item(A, Name="Update", PackageType="SecurityUpdate", Architecture="amd64", Source=".\\Packages\\a%1.msu")
    + item(B, Name="German", PackageType="LanguagePack", Architecture="amd64", Source=".\\Packages\\de.cab")
    + item(C, Name="Update", PackageType="SecurityUpdate", Architecture="x86", Source=".\\Packages\\c.cab")
    + item(D, Name="Old", PackageType="OnDemandPack", Source=".\\Packages\\d.cab")
)


def packages(tmp_path: Path) -> Path:
    share = made_share(
        tmp_path,
        Packages=PACKAGES,
        PackageGroups=item("{1}", Name="default", Member=(A, B)) + item("{2}", Name="Old", Member=D),
        SelectionProfiles=item("{3}", Name="New ones", Definition=PROFILE),
    )
    (share / "Packages").mkdir()
    for name in ("a%1.msu", "de.cab", "c.cab", "d.cab"):
        (share / "Packages" / name).touch()
    return share


def x64(machine: Machine) -> Machine:
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(10, 0, "x64", "Windows"))
    return machine


@pytest.mark.parametrize(
    ("profile", "names"),
    [
        pytest.param("", ["a%1.msu", "d.cab"], id="all"),
        pytest.param("All Packages", ["a%1.msu", "d.cab"], id="all-by-its-name"),
        pytest.param("new ones", ["a%1.msu"], id="profile"),
    ],
)
def test_updates_of_a_profile_are_installed_at_the_first_start(tmp_path: Path, profile: str, names: list[str]) -> None:
    machine = x64(installed(packages(tmp_path), Phase.PE))
    made = staged(step("p", "BDD_InstallUpdatesOffline", {"PackageSelectionProfile": profile}), machine)
    assert [each.path.name for each in made.packages] == names
    assert made.lines[2] == (
        r'"%SystemRoot%\System32\dism.exe" /online /quiet /norestart /add-package '
        r'/packagepath:"%~dp0..\packages\a-1-aaaaaaaa\a%%1.msu"'
    )
    assert_sound(made)


def test_packages_that_wait_already_are_not_installed_again(tmp_path: Path) -> None:
    machine, wanted = x64(installed(packages(tmp_path), Phase.PE)), step("p", "ZTIPatches")
    machine.staged.append(StagedStep(1, (0,), "p", staged(wanted, machine)))
    assert judged(wanted, machine).decision is Decision.HOLDS


def test_a_language_is_named_by_the_step_or_the_rules(tmp_path: Path) -> None:
    machine = installed(packages(tmp_path))
    by_step = staged(step("p", "BDD_InstallLanguagePacksOnline", {"PackageID": B}), machine)
    by_rules = staged(
        step("p", "BDD_InstallLanguagePacksOffline"), machine, Environment(computer={"LanguagePacks001": B})
    )
    assert [each.path.name for each in by_step.packages] == ["de.cab"]
    assert by_step.lines == by_rules.lines


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PackageSelectionProfile": "Nobody's"}, "no selection profile 'Nobody's'; there are: New ones"),
        ({"PackageSelectionProfile": "Nothing"}, None),
    ],
)
def test_a_profile_that_is_not_there_is_refused_and_an_empty_one_needs_nothing(
    tmp_path: Path, variables: dict[str, str], reason: str | None
) -> None:
    found = judged(step("p", "ZTIPatches", variables), installed(packages(tmp_path)))
    assert found.decision is (Decision.HOLDS if reason is None else Decision.REFUSE)
    assert reason is None or reason in (found.reason or "")


def test_without_a_share_nobody_knows_which_updates_there_are() -> None:
    assert "none was given; give Supplies.deployment_share" in refusal(step("p", "ZTIPatches"), new_windows())


# ---- roles ----


@pytest.mark.parametrize(
    ("kind", "dism", "cmdlet"),
    [
        ("BDD_InstallRoles", "/enable-feature /all", "Install-WindowsFeature"),
        ("BDD_UninstallRoles", "/disable-feature", "Uninstall-WindowsFeature"),
    ],
)
def test_roles_are_installed_as_the_windows_has_them(kind: str, dism: str, cmdlet: str) -> None:
    made = staged(step("r", kind, {"OSFeatures": "NetFx3, TelnetClient", "OSRoles": "Web-Server"}), new_windows())
    assert_sound(made)
    text = "\n".join(made.lines)
    assert f"{dism} /featurename:Web-Server /featurename:NetFx3 /featurename:TelnetClient" in text
    assert f"{cmdlet} -Name 'Web-Server','NetFx3','TelnetClient' -ErrorAction Stop" in text


def test_a_feature_has_a_name_that_no_shell_reads() -> None:
    assert "OSFeatures=a'; calc" in refusal(step("r", "BDD_InstallRoles", {"OSFeatures": "a'; calc"}), new_windows())
    assert judged(step("r", "BDD_InstallRoles"), new_windows()).decision is Decision.HOLDS


# ---- what hangs on variables ----

NEW = {"DeploymentType": "NEWCOMPUTER"}
REFRESH = {"DeploymentType": "REFRESH"}


@pytest.mark.parametrize(
    ("kind", "variables", "expected"),
    [
        ("ZTIUserState", NEW, Decision.HOLDS),
        ("ZTIUserState", NEW | {"UDShare": r"\\s\state$"}, Decision.REFUSE),
        ("ZTIUserState", REFRESH, Decision.REFUSE),
        ("ZTIUserState", REFRESH | {"UserDataLocation": "none"}, Decision.HOLDS),
        ("ZTIAppXmlGen", NEW, Decision.HOLDS),
        ("ZTIGroups", NEW, Decision.HOLDS),
        ("ZTIGroups", REFRESH, Decision.REFUSE),
        ("ZTIGroups", REFRESH | {"CaptureGroups": "NO"}, Decision.HOLDS),
        ("ZTIDisableBDEProtectors", NEW, Decision.HOLDS),
        ("ZTIDisableBDEProtectors", REFRESH, Decision.REFUSE),
        ("ZTIApplyGPOPack", NEW, Decision.REFUSE),
        ("ZTIApplyGPOPack", {"ApplyGPOPack": "NO"}, Decision.HOLDS),
        ("ZTIBDE", {}, Decision.HOLDS),
        ("ZTIBDE", {"BDEInstall": "TPM"}, Decision.REFUSE),
        ("ZTIBDE", {"BDEInstall": "TPM", "BDEInstallSuppress": "YES"}, Decision.HOLDS),
        ("ZTIWinRE", {}, Decision.HOLDS),
        ("ZTIWinRE", {"PrepareWinRE": "YES"}, Decision.STAGE),
        ("BDD_RecoverDomainJoin", {}, Decision.HOLDS),
        ("LTICopyScripts", {}, Decision.HOLDS),
        ("LTIApply /PE", {}, Decision.HOLDS),
    ],
)
def test_what_is_needless_hangs_on_variables(kind: str, variables: dict[str, str], expected: Decision) -> None:
    assert judged(step("s", kind), Machine(), Environment(computer=variables)).decision is expected


def test_local_policies_are_needless_where_the_share_has_none(tmp_path: Path) -> None:
    share, wanted = made_share(tmp_path), step("s", "ZTIApplyGPOPack")
    assert judged(wanted, installed(share)).decision is Decision.HOLDS
    (share / "Templates" / "GPOPacks" / "Win10").mkdir(parents=True)
    assert judged(wanted, installed(share)).decision is Decision.REFUSE


def test_whether_a_domain_was_joined_is_asked_at_the_first_start() -> None:
    env = Environment(computer={"JoinDomain": "corp.example"})
    made = staged(step("s", "BDD_RecoverDomainJoin", {"DomainErrorRecovery": "Auto"}), new_windows(), env)
    assert_sound(made)
    assert "PartOfDomain" in made.lines[0]
    assert "not joined once more" in made.warnings[0]
