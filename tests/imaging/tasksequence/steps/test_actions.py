"""The table of actions, their documentation, and the small ones: variables, restarts, dynamic disks."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases.sequence import MBR, MIB, Log, blank_disk, computer, run, stamp
from hypothesis import given, settings
from hypothesis import strategies as st
from osdimage.imaging import InvalidRequest, StorageError, TargetRefused
from osdimage.imaging.errors import (
    ActionFailed,
    CorruptWim,
    DoesNotFit,
    Incomplete,
    OsdImageError,
    ReadOnlyVariable,
    TooSmall,
)
from osdimage.imaging.tasksequence.computer.machine import Machine, Place, TargetSystem
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, code_of, forecast
from osdimage.imaging.tasksequence.inputs import ELEMENT, variable_table
from osdimage.imaging.tasksequence.phases import RestartTarget
from osdimage.imaging.tasksequence.result import (
    SILENT,
    ActionInfo,
    ActionResult,
    Already,
    Events,
    Forecast,
    LogType,
    Needs,
)
from osdimage.imaging.tasksequence.steps.actions import ACTIONS
from osdimage.imaging.tasksequence.steps.convert_disk import convert_disk, forecast_convert_disk
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk
from osdimage.imaging.tasksequence.steps.restart import forecast_restart_computer, restart_computer
from osdimage.imaging.tasksequence.steps.set_variable import forecast_set_variable, set_variable

E_INVALIDARG, E_ACCESSDENIED, NOT_SUPPORTED, E_FAIL = 0x80070057, 0x80070005, 0x80070032, 0x80004005

# Every variable of these steps in "Operating System Deployment in Configuration Manager 2007", 10.1.1.  Two names are
# misprinted there: OSDSuffixSearchOrder is OSDDNSSuffixSearchOrder elsewhere, and both are read.
SPECIFIED = {
    "Format and Partition Disk": {
        "OSDDiskIndex", "OSDDiskpartBiosCompatibilityMode", "OSDGPTBootDisk", "OSDPartitions", "OSDPartitions<N>Type",
        "OSDPartitions<N>FileSystem", "OSDPartitions<N>Bootable", "OSDPartitions<N>QuickFormat",
        "OSDPartitions<N>VolumeName", "OSDPartitions<N>Size", "OSDPartitions<N>SizeUnits",
        "OSDPartitions<N>VolumeLetterVariable", "OSDPartitionStyle",
    },
    "Convert Disk to Dynamic": {"OSDConvertDiskIndex"},
    "Apply Operating System Image": {"OSDConfigFileName", "OSDImageIndex", "OSDInstallEditionIndex"},
    "Apply Data Image": {"OSDDataImageIndex", "OSDWipeDestinationPartition"},
    "Capture Operating System Image": {
        "OSDCaptureAccount", "OSDCaptureAccountPassword", "OSDCaptureDestination", "OSDImageCreator",
        "OSDImageDescription", "OSDImageVersion", "OSDTargetSystemRoot",
    },
    "Apply Windows Settings": {
        "OSDComputerName", "OSDProductKey", "OSDRegisteredUserName", "OSDRegisteredOrgName", "OSDTimeZone",
        "OSDServerLicenseMode", "OSDServerLicenseConnectionLimit", "OSDRandomAdminPassword", "OSDLocalAdminPassword",
    },
    "Apply Network Settings": {
        "OSDAdapterCount", "OSDDNSDomain", "OSDDomainName", "OSDDomainOUName", "OSDEnableTCPIPFiltering",
        "OSDJoinAccount", "OSDJoinPassword", "OSDNetworkJoinType", "OSDSuffixSearchOrder", "OSDWorkgroupName",
    },
    "Join Domain or Workgroup": {
        "OSDJoinAccount", "OSDJoinDomainName", "OSDJoinDomainOUName", "OSDJoinPassword", "OSDJoinSkipReboot",
        "OSDJoinType", "OSDJoinWorkgroupName",
    },
    "Set Task Sequence Variable": set(),
    "Restart Computer": {"SMSRebootMessage", "SMSRebootTimeout"},
    "Setup Windows and ConfigMgr": {"SMSClientInstallProperties"},
    # "Property Reference" of the Microsoft Deployment Toolkit, and for Configure its ZTIConfigure.xml.
    "Configure": {
        "OSDComputerName", "FullName", "OrgName", "ProductKey", "OverrideProductKey", "AdminPassword", "JoinDomain",
        "MachineObjectOU", "DomainAdmin", "DomainAdminDomain", "DomainAdminPassword", "JoinWorkgroup", "TimeZoneName",
        "KeyboardLocale", "UserLocale", "UILanguage",
    },
    "Install Deployment Tools": set(),
    "Prepare ConfigMgr Client for Capture": set(),
    "Prepare Windows for Capture": {"OSDBuildStorageDriverList", "OSDKeepActivation"},
    "Gather": {"IsUEFI", "IsServerOS", "IsServerCoreOS", "OSVersion", "GatherLocalOnly", "RulesFile"},
    "Next Phase": {"PHASE"},
    "Install Operating System": {
        "OSGUID", "ImageIndex", "DestinationDisk", "DestinationPartition", "DestinationOSInstallType",
        "DestinationOSDriveLetter", "DestinationOSVariable",
    },
    "Auto Apply Drivers": {"OSDAllowUnsignedDriver", "OSDAutoApplyDriverBestMatch", "OSDAutoApplyDriverCategoryList"},
    "Inject Drivers": {"DriverSelectionProfile", "DriverInjectionMode", "DriverGroup001"},
    "Apply Driver Package": {
        "OSDApplyDriverBootCriticalContentUniqueID", "OSDApplyDriverBootCriticalHardwareComponent",
        "OSDApplyDriverBootCriticalID", "OSDApplyDriverBootCriticalINFFile", "OSDAllowUnsignedDriver",
    },
}  # fmt: skip
TITLES = [info.title for info in ACTIONS]
RUN = [info for info in ACTIONS if info.run is not None]


def test_every_variable_of_the_specification_is_in_the_tables() -> None:
    assert set(SPECIFIED) <= {info.title for info in ACTIONS}
    for info in ACTIONS:
        assert SPECIFIED.get(info.title, set()) <= {each.name for each in info.variables}, info.title


@pytest.mark.parametrize("info", RUN, ids=[info.title for info in RUN])
def test_the_documentation_of_an_action_lists_its_variables(info: ActionInfo) -> None:
    assert info.run is not None
    assert info.forecast is not None
    text = info.run.__doc__ or ""
    assert variable_table(info.variables) in text
    for each in info.variables:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{each.name}`"))
        assert each.needs.value in row
        assert each.source in row
        assert each.default is None or f"`{each.default}`" in row
        assert each.max_length is None or f"at most {each.max_length} characters" in row


@pytest.mark.parametrize("info", ACTIONS, ids=TITLES)
def test_the_tables_are_sound(info: ActionInfo) -> None:
    names = [each.name.lower() for each in info.variables]
    assert len(names) == len(set(names))
    for each in info.variables:
        assert not (each.choices and each.default) or each.default in each.choices
        if each.numbers is not None and each.default is not None:
            assert each.numbers[0] <= int(each.default) <= each.numbers[1]
        assert each.needs is not Needs.REQUIRED or each.default is None
    assert set(info.package_properties) <= {each.name for each in info.variables if each.is_property}


CONTAINED = [
    pytest.param(info, each, id=f"{info.title}: {each.name}")
    for info in ACTIONS
    for each in info.variables
    if each.max_length is not None and each.max_length < 4000 and ELEMENT not in each.name
]


@pytest.mark.parametrize(("info", "variable"), CONTAINED)
def test_no_variable_may_be_longer_than_the_table_says(info: ActionInfo, variable: object) -> None:
    from osdimage.imaging.tasksequence.inputs import Inputs  # noqa: PLC0415
    from osdimage.imaging.tasksequence.result import VariableInfo  # noqa: PLC0415

    assert isinstance(variable, VariableInfo)
    assert variable.max_length is not None
    for length, is_wrong in ((variable.max_length, False), (variable.max_length + 1, True)):
        env = Environment()
        # Characters outside of the Basic Multilingual Plane count twice, as in Windows.
        text = "😀" * (length // 2) + "x" * (length % 2)
        values = {variable.name: text}
        with env.step_defaults({} if variable.is_property else values, values if variable.is_property else {}):
            inputs = Inputs(env, info.variables)
            found = inputs.text(variable.name)
        assert (found is None) is is_wrong
        assert bool(inputs.problems) is is_wrong


# ---- codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DoesNotFit("x", partition="p", wanted_bytes=1, left_bytes=0), 0x8000FFFF),
        (TooSmall("x"), 0x80070070),
        (TargetRefused("x"), E_FAIL),
        (ReadOnlyVariable("x"), E_ACCESSDENIED),
        (InvalidRequest("x"), E_INVALIDARG),
        (CorruptWim("x"), 0x8007000D),
        (StorageError("x", path="p", errno=28), 0x80070070),
        (StorageError("x", path="p", errno=13), E_ACCESSDENIED),
        (StorageError("x", path="p", errno=2), 0x80070002),
        (StorageError("x", path="p", errno=5), E_FAIL),
        (StorageError("x", path="p"), E_FAIL),
        (Incomplete("x"), E_FAIL),
        (ActionFailed(7, "x"), 7),
    ],
)
def test_every_error_has_its_code(error: OsdImageError, code: int) -> None:
    @action(())
    def body(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del env, machine, events
        raise error

    assert code_of(error) == code
    with pytest.raises(ActionFailed) as caught:
        body(Environment(), Machine(), SILENT)
    assert caught.value.code == code


def test_no_message_note_or_cause_shows_a_secret() -> None:
    @action(())
    def body(env: Environment, machine: Machine, events: Events) -> ActionResult:
        del env, machine, events
        error = StorageError("it was hunter2, said hunter2", path="p")
        error.add_note("hunter2 again")
        raise error

    @forecast
    def look(env: Environment, machine: Machine) -> Forecast:
        del env, machine
        raise InvalidRequest("hunter2")

    env = Environment()
    env["MyPassword"] = "hunter2"
    with pytest.raises(ActionFailed) as caught:
        body(env, Machine(), SILENT)
    assert str(caught.value) == "it was ***, said ***"
    assert caught.value.__notes__ == ["*** again"]
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert look(env, Machine()).problems == ("***",)


# ---- Set Task Sequence Variable


def test_a_variable_is_set_and_deleted() -> None:
    env, machine = Environment(computer={"Name": "old"}), Machine()
    env["Part"] = "new"
    result = run(set_variable, env, machine, properties={"VariableName": "name", "VariableValue": "%Part%-1"})
    assert env["NAME"] == "new-1"
    assert (result.message, result.outputs) == ("set name to 'new-1'", ("name",))
    result = run(set_variable, env, machine, properties={"VariableName": "Name", "VariableValue": ""})
    assert "Name" not in env
    assert result.message == "deleted Name"


def test_a_hidden_value_is_not_shown() -> None:
    env = Environment()
    hidden = {"VariableName": "Pin", "VariableValue": "98765", "DoNotShowVariableValue": "TRUE"}
    result = run(set_variable, env, Machine(), properties=hidden)
    assert result.message == "set Pin to '***'"
    assert env.mask("98765") == "***"
    result = run(set_variable, env, Machine(), properties={"VariableName": "OSDProductKey", "VariableValue": "AAA-BBB"})
    assert result.message == "set OSDProductKey to '***'"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("_SMSTSLogPath", "x", E_ACCESSDENIED),
        ("_SMSTSOrgNames", "x", E_ACCESSDENIED),
        ("", "x", E_INVALIDARG),
        ("1st", "x", E_INVALIDARG),
        ("My@Name", "x", E_INVALIDARG),
        ("a b", "x", E_INVALIDARG),
        ("n" * 257, "x", E_INVALIDARG),
        ("Name", "x" * 4001, E_INVALIDARG),
    ],
)
def test_a_variable_that_cannot_be_is_refused(name: str, value: str, code: int) -> None:
    env = Environment()
    properties = {"VariableName": name, "VariableValue": value}
    with env.step_defaults({}, properties):
        with pytest.raises(ActionFailed) as caught:
            set_variable(env, Machine(), SILENT)
        found = forecast_set_variable(env, Machine())
    assert caught.value.code == code
    assert found.problems == (str(caught.value),)
    assert len(env) == 0


def test_the_longest_name_and_value_are_set() -> None:
    env = Environment()
    properties = {"VariableName": "n" * 256, "VariableValue": "x" * 4000}
    with env.step_defaults({}, properties):
        assert forecast_set_variable(env, Machine()).does.startswith("set nnn")
    assert env["n" * 256] == "x" * 4000


# ---- Restart Computer


@pytest.mark.foreign
def test_a_restart_is_recorded(tmp_path: Path) -> None:
    machine, log = computer(blank_disk(tmp_path / "disk.img", 64 * MIB)), Log()
    run(partition_disk, Environment(), machine, MBR)
    values = {"SMSRebootMessage": "m" * 512, "SMSRebootTimeout": "5"}
    result = run(restart_computer, Environment(), machine, values, {"Target": "winpe"}, log=log)
    assert result.restart is RestartTarget.WINPE
    assert log.lines == [
        (LogType.INFO, f"restart into WinPE requested, after 5 seconds with the message {'m' * 512!r}")
    ]
    assert run(restart_computer, Environment(), machine).restart is RestartTarget.HARD_DISK


# CM07, 1.9.9: "there must be an available formatted disk partition at the time of the computer restart".
def test_a_restart_without_a_formatted_volume_fails(tmp_path: Path) -> None:
    machine, env = computer(blank_disk(tmp_path / "disk.img", 8 * MIB)), Environment()
    with pytest.raises(ActionFailed) as caught:
        restart_computer(env, machine, SILENT)
    assert caught.value.code == E_FAIL
    assert forecast_restart_computer(env, machine).does == "restart into HD"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"SMSRebootMessage": "m" * 513}, "SMSRebootMessage has 513 characters; valid are 1 to 512"),
        ({"SMSRebootTimeout": "soon"}, "SMSRebootTimeout=soon"),
        ({"SMSRebootTimeout": "-1"}, "SMSRebootTimeout=-1"),
        ({"SMSRebootTimeout": "4294967296"}, "SMSRebootTimeout=4294967296"),
    ],
)
def test_a_wrong_restart_is_refused(values: dict[str, str], said: str) -> None:
    env = Environment()
    with env.step_defaults(values), pytest.raises(ActionFailed, match=said) as caught:
        restart_computer(env, Machine(), SILENT)
    assert caught.value.code == E_INVALIDARG
    with env.step_defaults({}, {"Target": "floppy"}), pytest.raises(ActionFailed, match="Target=floppy"):
        restart_computer(env, Machine(), SILENT)


# ---- Convert Disk to Dynamic


@pytest.mark.parametrize(
    ("index", "code", "said"),
    [
        ("0", NOT_SUPPORTED, "disk 0 was not changed: osdimage does not make dynamic disks"),
        ("1", E_INVALIDARG, "there is no disk 1"),
        ("", E_INVALIDARG, "OSDConvertDiskIndex is missing"),
        ("10001", E_INVALIDARG, "0 to 10000"),
        ("x", E_INVALIDARG, "OSDConvertDiskIndex=x"),
    ],
)
def test_dynamic_disks_are_not_supported_and_that_is_said(tmp_path: Path, index: str, code: int, said: str) -> None:
    disk = blank_disk(tmp_path / "disk.img", 8 * MIB)
    machine, env, before = computer(disk), Environment(), stamp(disk)
    with env.step_defaults({"OSDConvertDiskIndex": index}):
        with pytest.raises(ActionFailed) as caught:
            convert_disk(env, machine, SILENT)
        found = forecast_convert_disk(env, machine.rehearsal())
    assert caught.value.code == code
    assert said in str(caught.value)
    assert found.problems == (str(caught.value),)
    assert stamp(disk) == before


# ---- any values


EVERY = sorted({each.name.replace(ELEMENT, "0") for info in ACTIONS for each in info.variables})
VALUES = st.dictionaries(
    st.sampled_from(EVERY),
    st.text(max_size=30)
    | st.sampled_from(["0", "1", "true", "C:", "0,1", "%OSDisk%", "NTFS", "Primary", "1.2.3.4", "a.b"]),
    max_size=12,
)


@settings(deadline=None)
@given(VALUES)
def test_any_values_are_forecast_or_refused(values: dict[str, str]) -> None:
    env = Environment()
    machine = Machine({0: Path("/nowhere")}, packages={"ABC00001": Path("/nowhere")}).rehearsal()
    machine.system = TargetSystem(Place(0, 1), WindowsFacts(5, 1, "x86", "Windows"))
    settable = {name: value for name, value in values.items() if not name.startswith("_")}
    for info in ACTIONS:
        for ask in filter(None, (info.forecast, info.holds, info.stage)):
            try:
                with env.step_defaults(settable, values):
                    found = ask(env, machine)
            except (InvalidRequest, StorageError):
                # A value that no variable can have, or a disk that is not there.
                continue
            assert found is None or (found.why if isinstance(found, Already) else found.does)
