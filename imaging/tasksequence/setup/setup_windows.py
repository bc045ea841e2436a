r"""Setup Windows and ConfigMgr: the step between Windows PE and the new Windows.

In ConfigMgr it ends in Windows PE: it puts the values of variables into the answer file, copies the client's package to
the disk, disables a client that the image has, hooks itself into ``SetupComplete.cmd``, and restarts.  Setup runs; then
the client is installed, and the sequence goes on in the new Windows.

Here the answer file and the client of the image are done at once; the client's package, and all steps that follow, wait
for the first start.  A client that the image has stays as it is when none is to be installed.

Source: "Setup Windows and ConfigMgr" in CM07 and in "Task sequence steps" of ConfigMgr current branch (order, and that
an error ends the sequence whatever its settings).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from osdimage.imaging.answers.document import MAX_BYTES
from osdimage.imaging.drivers.offline.windows import offline_windows
from osdimage.imaging.files import FileSource
from osdimage.imaging.registry.beside import read_beside, write_beside
from osdimage.imaging.registry.edits import control_set
from osdimage.imaging.registry.hive import Hive
from osdimage.imaging.registry.lookup import number_of
from osdimage.imaging.registry.places import MAX_HIVE_BYTES
from osdimage.imaging.registry.values import Value
from osdimage.imaging.registry.write import write_hive
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine, NotThere
from osdimage.imaging.tasksequence.computer.system import TargetSystem
from osdimage.imaging.tasksequence.computer.target_files import files_of
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import optional
from osdimage.imaging.tasksequence.phases import Phase
from osdimage.imaging.tasksequence.result import (
    ActionInfo,
    ActionResult,
    Events,
    Forecast,
    LogType,
    RunIn,
    VariableInfo,
)
from osdimage.imaging.tasksequence.setup.client import (
    PACKAGE,
    PROPERTIES,
    SERVICE_KEY,
    client_package,
    refuse_client,
    stage_client,
)
from osdimage.imaging.tasksequence.setup.substitution import substitute
from osdimage.imaging.tasksequence.steps.answer_files import (
    AnswerFile,
    make_answer_file,
    read_answer_file,
    rehearse_change,
)
from osdimage.imaging.volume.filesystems import open_files

VARIABLES: tuple[VariableInfo, ...] = (
    optional(PACKAGE, "the ID of the package with the ConfigMgr client", source="SDK"),
    optional("ClientPackageID", "the same", is_property=True, source="SDK"),
    optional(
        PROPERTIES,
        "what ccmsetup.exe is told: NAME=VALUE and /option, with blanks between them; the site code and the management "
        "point of the variables _SMSTSSiteCode and _SMSTSMP come before them",
    ),
    optional("_SMSClientPreProductionPackageID", "not used here: which clients test it, the site knows", source="SDK"),
)
_START, _DISABLED = "Start", 4
_HIVE = "SYSTEM"


@action(VARIABLES)
def setup_windows_and_configmgr(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Prepare the Windows that was applied to go on with the sequence.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong, the answer file names what cannot be replaced, or no
            Windows was applied, or another code when the volume cannot be read or written.
    """
    client = stage_client(env, machine)
    system = _system(machine)
    with machine.opened(system.place.disk, write=True) as disk:
        volume = disk.volume(system.place.partition)
        with open_files(volume) as files:
            path = system.windows.answer_file
            there = files.exists(path)
            data = files.read(path, limit=MAX_BYTES) if there else make_answer_file(system.windows, None).data
            answers = read_answer_file(data, system.windows, source=f"{files.name}: {path}")
            substitute(answers, env)
            look = _look(files)
        with open_files(volume, write=True, force=events.is_repeated) as files:
            files.write(path, answers.to_bytes())
            if client is not None and look.has_client:
                hive_path = rf"{look.folder}\System32\config\{_HIVE}"
                hive = read_beside(files, hive_path, limit=MAX_HIVE_BYTES, name=f"{files.name}: {hive_path}")
                _disable_client(hive)
                written = write_hive(hive, now=datetime.now(UTC))
                write_beside(files, hive_path, written, empties_logs=hive.is_unclosed)
    machine.is_set_up = True
    for text in look.warnings:
        events.log(LogType.WARNING, text)
    told = _told(machine, look, verb="prepared")
    return ActionResult(HResult.S_OK, told, warnings=look.warnings, stages=client)


@forecast
def forecast_setup_windows_and_configmgr(env: Environment, machine: Machine) -> Forecast:
    """Tell what :func:`setup_windows_and_configmgr` would do, and what would wait for the first start."""
    client = stage_client(env, machine)
    system = _system(machine)

    def change(answers: AnswerFile) -> list[str]:
        substitute(answers, env)
        return []

    rehearse_change(machine, change)
    with files_of(machine, system) as files:
        look = _look(files)
    machine.is_set_up = True
    return Forecast(_told(machine, look, verb="prepare"), warnings=look.warnings, stages=client)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a Windows has that this step is about.

    Attributes:
        folder: of the Windows.
        has_client: whether it has a ConfigMgr client that starts.
        warnings: sentences about what will not be as in ConfigMgr.
    """

    folder: str
    has_client: bool
    warnings: tuple[str, ...] = ()


def _look(files: FileSource) -> _Look:
    windows = offline_windows(files)
    service = windows.system.root.find(rf"{windows.control_set}\{SERVICE_KEY}")
    told = "this Windows is not generalized: no setup runs in it, which would read the answer file"
    has_client = number_of(service, _START) not in {None, _DISABLED}
    return _Look(windows.folder, has_client, () if windows.is_generalized else (told,))


def _disable_client(hive: Hive) -> None:
    key = hive.root.find(rf"{control_set(hive)}\{SERVICE_KEY}")
    if key is not None:
        key.set(Value.dword(_START, _DISABLED))


def _told(machine: Machine, look: _Look, *, verb: str) -> str:
    told = f"{verb} Windows for its first start"
    if machine.supplies.without_client:
        return f"{told}, without the ConfigMgr client"
    return f"{told}, with the client of the image disabled until then" if look.has_client else told


def _system(machine: Machine) -> TargetSystem:
    if machine.system is None:
        raise NotThere("there is no Windows: Apply Operating System must come before the step that sets it up")
    return machine.system


def _more_packages(env: Environment) -> tuple[str, ...]:
    package = client_package(env)
    return () if package is None else (package,)


INFO = ActionInfo(
    type_name="SMS_TaskSequence_SetupWindowsAndSMSAction",
    title="Setup Windows and ConfigMgr",
    run=setup_windows_and_configmgr,
    forecast=forecast_setup_windows_and_configmgr,
    variables=VARIABLES,
    runs_in=RunIn.BOTH,
    more_packages=_more_packages,
    refuses=refuse_client,
    enters=Phase.NEW,
)
