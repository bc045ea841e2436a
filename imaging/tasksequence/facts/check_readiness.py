"""Check Readiness: whether the computer has what a sequence asks for.

All checks are made, each sets a variable to 1 or 0, and the step fails when one did not pass.  What the computer is,
facts tell; the disks, the firmware and the Windows that runs are known without.  What nobody knows refuses the step.

Sources: SMS_TaskSequence_PrestartCheckAction of the SDK (variables, defaults, that the language is ``OSLanguage`` of
Win32_OperatingSystem); "Check Readiness" of the task sequence steps of Configuration Manager (all are checked, the
outputs, and code 4316).  Chosen here: a network adapter is wireless by its type or its name; the room of a computer is
what the facts tell of its volumes, or a whole disk that has no partitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from osdimage.imaging.boot.firmware import Firmware
from osdimage.imaging.errors import ActionFailed, InvalidRequest
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.conditions import TELLING_FACTS
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.computer import TPM_NAMESPACE, ComputerFacts, Instance
from osdimage.imaging.tasksequence.facts.files import version_of
from osdimage.imaging.tasksequence.facts.given import given_facts
from osdimage.imaging.tasksequence.facts.known import facts_of
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, optional, output
from osdimage.imaging.tasksequence.phases import EVERYWHERE
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    LogType,
    Refusal,
    RunIn,
    VariableInfo,
)
from osdimage.imaging.units import MIB

NOT_READY = 4316
"""The code of a computer that does not pass."""
_MOST = 0xFFFFFFFF
_ON_MAINS, _ON_BATTERY = frozenset({2, 6, 7, 8, 9}), frozenset({1, 4, 5})
"""``BatteryStatus`` of Win32_Battery."""
_CONNECTED, _WIRELESS_TYPE = 2, 9
_WIRELESS = ("wireless", "wi-fi", "wifi", "wlan", "802.11")
_CCM = r"root\ccm"


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: its part of the variable that asks for it, ``OSDCheck<name>``.
        output: what that of its outcome ends with.
        is_default: whether it is made where nothing is said.
        row: the variable with what is asked for, or None.
        passes: tells whether the computer has it, given what is asked for; raises LookupError with the name of the
            fact that is not known.
    """

    name: str
    output: str
    row: VariableInfo | None
    passes: Callable[[Machine, ComputerFacts, str], bool]
    is_default: bool = False


def _number(facts: ComputerFacts, name: str, prop: str, namespace: str | None = None) -> int:
    found = facts.number(name, prop) if namespace is None else facts.number(name, prop, namespace)
    if found is None:
        raise LookupError(f"{name}.{prop}")
    return found


def _has_memory(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine
    told = facts.number("Win32_ComputerSystem", "TotalPhysicalMemory")
    if told is None:
        parts = [each.get("Capacity") for each in facts.instances("Win32_PhysicalMemory") or ()]
        if not parts or not all(isinstance(each, int) for each in parts):
            raise LookupError("Win32_ComputerSystem.TotalPhysicalMemory")
        told = sum(each for each in parts if isinstance(each, int))
    return told // MIB >= int(wanted)


def _has_speed(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine
    return _number(facts, "Win32_Processor", "MaxClockSpeed") >= int(wanted)


def _has_room(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    # What the caller tells of volumes counts before what the disks do.
    given = given_facts(machine.supplies.facts, machine.firmware).instances("Win32_LogicalDisk") or ()
    volumes = given if any("FreeSpace" in each for each in given) else facts.instances("Win32_LogicalDisk") or ()
    free = [each.get("FreeSpace") for each in volumes]
    sizes = [each for each in free if isinstance(each, int)]
    whole = [size for index in machine.disks if (size := _size_of(machine, index)) is not None]
    sizes += [size for index in machine.disks if not machine.disk_volumes(index) and (size := _size_of(machine, index))]
    if sizes and max(sizes) // MIB >= int(wanted):
        return True
    is_all_known = bool(sizes) and None not in free
    if is_all_known or (volumes is not given and whole and max(whole) // MIB < int(wanted)):
        return False
    raise LookupError("Win32_LogicalDisk.FreeSpace")


def _size_of(machine: Machine, index: int) -> int | None:
    if not machine.disk(index).exists():
        return None
    with machine.opened(index) as disk:
        return disk.geometry.size_bytes


def _is_of_type(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine
    return (_number(facts, "Win32_OperatingSystem", "ProductType") == 1) is (wanted.upper() == "CLIENT")


def _is_of_architecture(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine
    told = facts.text("Win32_OperatingSystem", "OSArchitecture")
    if told is None:
        raise LookupError("Win32_OperatingSystem.OSArchitecture")
    return wanted in told


def _version(facts: ComputerFacts) -> tuple[int, ...]:
    told = facts.text("Win32_OperatingSystem", "Version")
    if told is None:
        raise LookupError("Win32_OperatingSystem.Version")
    return version_of(told)


def _has_client(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine
    told = facts.text("SMS_Client", "ClientVersion", _CCM)
    if told is None:
        raise LookupError(rf"SMS_Client.ClientVersion of {_CCM}")
    return version_of(told) >= version_of(wanted)


def _is_of_language(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine
    return _number(facts, "Win32_OperatingSystem", "OSLanguage") == int(wanted)


def _is_on_mains(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine, wanted
    batteries = facts.instances("Win32_Battery")
    if batteries is None:
        raise LookupError("Win32_Battery.BatteryStatus")
    states = {each.get("BatteryStatus") for each in batteries}
    if states - _ON_MAINS - _ON_BATTERY:
        raise LookupError("Win32_Battery.BatteryStatus")
    return not states & _ON_BATTERY


def _connected(facts: ComputerFacts) -> Iterator[Instance]:
    adapters = facts.instances("Win32_NetworkAdapter")
    if adapters is None:
        raise LookupError("Win32_NetworkAdapter.NetConnectionStatus")
    for each in adapters:
        if "NetConnectionStatus" not in each and "NetEnabled" not in each:
            raise LookupError("Win32_NetworkAdapter.NetConnectionStatus")
        if each.get("NetConnectionStatus") == _CONNECTED or each.get("NetEnabled") is True:
            yield each


def _is_connected(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine, wanted
    return any(True for _ in _connected(facts))


def _is_wired(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
    del machine, wanted
    names = ((each, str(each.get("Name") or "").lower()) for each in _connected(facts))
    return any(
        each.get("AdapterTypeId") != _WIRELESS_TYPE and not any(word in name for word in _WIRELESS)
        for each, name in names
    )


def _has_tpm(prop: str) -> Callable[[Machine, ComputerFacts, str], bool]:
    def has(machine: Machine, facts: ComputerFacts, wanted: str) -> bool:
        del machine, wanted
        found = facts.instances("Win32_Tpm", TPM_NAMESPACE)
        if found == ():
            return False
        told = facts.text("Win32_Tpm", prop, TPM_NAMESPACE)
        if told is None:
            raise LookupError(f"Win32_Tpm.{prop} of {TPM_NAMESPACE}")
        return told.lower() == "true"

    return has


def _of_mb(name: str, what: str, default: str) -> VariableInfo:
    return optional(name, what, default=default, numbers=(0, _MOST), source="SDK")


CHECKS: tuple[Check, ...] = (
    Check("Memory", "MEMORY", _of_mb("OSDMemory", "the least memory in MB", "512"), _has_memory, is_default=True),
    Check(
        "ProcessorSpeed",
        "SPEED",
        _of_mb("OSDProcessorSpeed", "the least speed of the processor in MHz", "800"),
        _has_speed,
        is_default=True,
    ),
    Check(
        "FreeDiskSpace",
        "DISK",
        _of_mb("OSDFreeDiskSpace", "the least free room in MB", "25000"),
        _has_room,
        is_default=True,
    ),
    Check(
        "OSType",
        "OSTYPE",
        optional("OSDOSType", "CLIENT or SERVER", default="CLIENT", choices=("CLIENT", "SERVER"), source="SDK"),
        _is_of_type,
        is_default=True,
    ),
    Check(
        "OSArchitecture",
        "ARCH",
        optional("OSDOSArchitecture", "32 or 64", default="64", choices=("32", "64"), source="SDK"),
        _is_of_architecture,
    ),
    Check(
        "MinOSVersion",
        "MINOSVER",
        optional("OSDMinOSVersion", "a version such as 10.0.16299", source="SDK"),
        lambda _, facts, wanted: _version(facts) >= version_of(wanted),
    ),
    Check(
        "MaxOSVersion",
        "MAXOSVER",
        optional("OSDMaxOSVersion", "a version such as 10.0.18356", source="SDK"),
        lambda _, facts, wanted: _version(facts) <= version_of(wanted),
    ),
    Check(
        "CMClientMinVersion",
        "CLIENTMINVER",
        optional("OSDCMClientMinVersion", "a version such as 5.00.8913.1005", source="SDK"),
        _has_client,
    ),
    Check(
        "OSLanguageID",
        "OSLANGUAGE",
        optional("OSDOSLanguageID", "the number of a language, such as 1033", numbers=(0, _MOST), source="SDK"),
        _is_of_language,
    ),
    Check("PowerState", "ACPOWER", None, _is_on_mains),
    Check("NetworkConnected", "NETWORK", None, _is_connected),
    Check("NetworkWired", "WIRED", None, _is_wired),
    Check("DeviceUEFI", "UEFI", None, lambda machine, *_: machine.firmware is Firmware.UEFI),
    Check("TPMEnabled", "TPMENABLED", None, _has_tpm("IsEnabled_InitialValue")),
    Check("TPMActivated", "TPMACTIVATED", None, _has_tpm("IsActivated_InitialValue")),
)

VARIABLES: tuple[VariableInfo, ...] = tuple(
    row
    for each in CHECKS
    for row in (
        boolean(f"OSDCheck{each.name}", "whether that is checked", default=each.is_default, source="SDK"),
        *((each.row,) if each.row is not None else ()),
        output(
            f"_TS_CR{each.output}", "1 when the check passed, 0 when not; not set when it was not made", source="CB"
        ),
    )
)


@action(VARIABLES)
def check_readiness(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Find out whether the computer has what the step asks for.

    Raises:
        ActionFailed: 4316 when it has not, E_INVALIDARG when a variable is wrong.
    """
    outcomes = _checked(env, machine)
    for name, outcome in outcomes.items():
        events.log(LogType.INFO if outcome else LogType.ERROR, f"{name}: {'passed' if outcome else 'not passed'}")
    failed = [name for name, outcome in outcomes.items() if not outcome]
    if failed:
        raise ActionFailed(NOT_READY, _why_not(failed))
    return ActionResult(HResult.S_OK, f"the computer passes {', '.join(outcomes) or 'no check: none is asked for'}")


@forecast
def forecast_check_readiness(env: Environment, machine: Machine) -> Forecast:
    """Tell whether the computer has what the step asks for."""
    outcomes = _checked(env, machine)
    failed = [name for name, outcome in outcomes.items() if not outcome]
    return Forecast(
        f"check the computer: {', '.join(outcomes) or 'nothing is asked for'}",
        problems=(_why_not(failed),) if failed else (),
    )


def _why_not(failed: list[str]) -> str:
    return f"the computer does not pass {', '.join(failed)}"


def _wanted(env: Environment) -> dict[Check, str]:
    """Return the checks that are asked for, each with what it asks for."""
    inputs = Inputs(env, VARIABLES)
    asked = [each for each in CHECKS if inputs.boolean(f"OSDCheck{each.name}")]
    wanted: dict[Check, str] = {}
    for each in asked:
        row = each.row
        if row is not None and row.numbers is not None:
            inputs.number(row.name)
        wanted[each] = "" if row is None else inputs.text(row.name) or ""
    inputs.finish()
    for each, text in wanted.items():
        if each.row is not None and not text:
            raise InvalidRequest(f"{each.row.name} is missing; valid: {each.row.valid}")
    return wanted


def _checked(env: Environment, machine: Machine) -> dict[str, bool]:
    """Make all checks, and set the variables of their outcomes."""
    wanted, facts = _wanted(env), facts_of(machine)
    outcomes = {}
    for each in CHECKS:
        if each not in wanted:
            env.set_read_only(f"_TS_CR{each.output}", "")
            continue
        try:
            passed = each.passes(machine, facts, wanted[each])
        except LookupError as error:
            raise InvalidRequest(f"OSDCheck{each.name} asks for {error.args[0]}, which nobody has told") from error
        except ValueError as error:
            raise InvalidRequest(f"OSDCheck{each.name}: {error}") from error
        outcomes[each.name] = passed
        env.set_read_only(f"_TS_CR{each.output}", str(int(passed)))
    return outcomes


def refuse_without_facts(env: Environment, machine: Machine) -> Refusal | None:
    """Return why the computer cannot be checked; None when all facts that are asked for are known."""
    facts = facts_of(machine)
    lacking = []
    for each, text in _wanted(env).items():
        try:
            each.passes(machine, facts, text)
        except LookupError as error:
            lacking.append(str(error.args[0]))
        except ValueError:
            # What is wrong with a value, the forecast tells.
            continue
    if not lacking:
        return None
    return Refusal(
        f"it asks for {', '.join(dict.fromkeys(lacking))} of the computer, which nobody has told",
        TELLING_FACTS,
    )


INFO = ActionInfo(
    type_name="SMS_TaskSequence_PrestartCheckAction",
    title="Check Readiness",
    run=check_readiness,
    forecast=forecast_check_readiness,
    variables=VARIABLES,
    runs_in=RunIn.BOTH,
    phases=EVERYWHERE,
    refuses=refuse_without_facts,
)
