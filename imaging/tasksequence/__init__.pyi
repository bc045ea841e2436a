# What __init__.py imports when it is used, for type checkers; a test holds the two together.

from osdimage.imaging.tasksequence.capturing.capture_network import capture_network_settings as capture_network_settings
from osdimage.imaging.tasksequence.capturing.capture_windows import capture_windows_settings as capture_windows_settings
from osdimage.imaging.tasksequence.codes import HResult as HResult
from osdimage.imaging.tasksequence.collected import collect_first_start as collect_first_start
from osdimage.imaging.tasksequence.computer.kept import load_machine as load_machine, save_machine as save_machine
from osdimage.imaging.tasksequence.computer.machine import (
    LoadedHive as LoadedHive,
    Machine as Machine,
    Place as Place,
    TargetSystem as TargetSystem,
    Volume as Volume,
)
from osdimage.imaging.tasksequence.computer.supplies import (
    Application as Application,
    FirstBoot as FirstBoot,
    Supplies as Supplies,
)
from osdimage.imaging.tasksequence.computer.system import ImagePlace as ImagePlace
from osdimage.imaging.tasksequence.computer.windows import WindowsFacts as WindowsFacts
from osdimage.imaging.tasksequence.elsewhere import ELSEWHERE as ELSEWHERE
from osdimage.imaging.tasksequence.environment import Environment as Environment
from osdimage.imaging.tasksequence.facts.check_readiness import check_readiness as check_readiness
from osdimage.imaging.tasksequence.facts.computer import (
    ComputerFacts as ComputerFacts,
    Fact as Fact,
    Instance as Instance,
    KnownClass as KnownClass,
)
from osdimage.imaging.tasksequence.facts.dynamic_variables import set_dynamic_variables as set_dynamic_variables
from osdimage.imaging.tasksequence.facts.given import given_facts as given_facts
from osdimage.imaging.tasksequence.facts.known import ask_of as ask_of, facts_of as facts_of
from osdimage.imaging.tasksequence.forms.answers import Answers as Answers, load_answers as load_answers
from osdimage.imaging.tasksequence.forms.children import with_children as with_children
from osdimage.imaging.tasksequence.forms.xml import (
    load_sequence as load_sequence,
    read_sequence as read_sequence,
    write_sequence as write_sequence,
)
from osdimage.imaging.tasksequence.judging.judgement import Decision as Decision, Judgement as Judgement
from osdimage.imaging.tasksequence.judging.kinds import action_table as action_table
from osdimage.imaging.tasksequence.judging.known import known_actions as known_actions
from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut as LeaveOut
from osdimage.imaging.tasksequence.layers import (
    CollectionVariables as CollectionVariables,
    Origin as Origin,
    Properties as Properties,
)
from osdimage.imaging.tasksequence.log import SequenceLog as SequenceLog
from osdimage.imaging.tasksequence.mdt.backup import back_up_computer as back_up_computer
from osdimage.imaging.tasksequence.mdt.configure import (
    configure_for_start as configure_for_start,
    configure_windows as configure_windows,
)
from osdimage.imaging.tasksequence.mdt.gather import gather_facts as gather_facts
from osdimage.imaging.tasksequence.mdt.nic_config import configure_adapters as configure_adapters
from osdimage.imaging.tasksequence.mdt.validate import validate_computer as validate_computer
from osdimage.imaging.tasksequence.phases import Phase as Phase, RestartTarget as RestartTarget
from osdimage.imaging.tasksequence.plan import plan_sequence as plan_sequence
from osdimage.imaging.tasksequence.planned import PlannedStep as PlannedStep, RunPlan as RunPlan
from osdimage.imaging.tasksequence.report import (
    RunEnd as RunEnd,
    RunEvent as RunEvent,
    RunReport as RunReport,
    StepReport as StepReport,
    StepState as StepState,
)
from osdimage.imaging.tasksequence.result import (
    ActionInfo as ActionInfo,
    ActionResult as ActionResult,
    Already as Already,
    Events as Events,
    Forecast as Forecast,
    LogType as LogType,
    Needs as Needs,
    Refusal as Refusal,
    RunIn as RunIn,
    StepClass as StepClass,
    VariableInfo as VariableInfo,
)
from osdimage.imaging.tasksequence.runner import run_sequence as run_sequence
from osdimage.imaging.tasksequence.runstate import RunState as RunState
from osdimage.imaging.tasksequence.sequence import (
    Group as Group,
    Sequence as Sequence,
    Step as Step,
    StepVariable as StepVariable,
)
from osdimage.imaging.tasksequence.setup.setup_windows import setup_windows_and_configmgr as setup_windows_and_configmgr
from osdimage.imaging.tasksequence.setup.source import (
    InstallSource as InstallSource,
    open_install_source as open_install_source,
)
from osdimage.imaging.tasksequence.staging.first_start import (
    PackageForecast as PackageForecast,
    StartForecast as StartForecast,
    put_first_start as put_first_start,
)
from osdimage.imaging.tasksequence.staging.staged import (
    Position as Position,
    StagedCommand as StagedCommand,
    StagedCondition as StagedCondition,
    StagedFile as StagedFile,
    StagedPackage as StagedPackage,
    StagedStep as StagedStep,
)
from osdimage.imaging.tasksequence.steps.actions import ACTIONS as ACTIONS
from osdimage.imaging.tasksequence.steps.apply_data import apply_data_image as apply_data_image
from osdimage.imaging.tasksequence.steps.apply_driver_package import apply_driver_package as apply_driver_package
from osdimage.imaging.tasksequence.steps.apply_network import apply_network_settings as apply_network_settings
from osdimage.imaging.tasksequence.steps.apply_os import apply_operating_system as apply_operating_system
from osdimage.imaging.tasksequence.steps.apply_windows import apply_windows_settings as apply_windows_settings
from osdimage.imaging.tasksequence.steps.auto_apply_drivers import auto_apply_drivers as auto_apply_drivers
from osdimage.imaging.tasksequence.steps.capture_os import (
    capture_operating_system_image as capture_operating_system_image,
)
from osdimage.imaging.tasksequence.steps.convert_disk import convert_disk as convert_disk
from osdimage.imaging.tasksequence.steps.inject_drivers import inject_drivers as inject_drivers
from osdimage.imaging.tasksequence.steps.install_os import install_operating_system as install_operating_system
from osdimage.imaging.tasksequence.steps.join_domain import join_domain_or_workgroup as join_domain_or_workgroup
from osdimage.imaging.tasksequence.steps.next_phase import next_phase as next_phase
from osdimage.imaging.tasksequence.steps.partition_disk import partition_disk as partition_disk
from osdimage.imaging.tasksequence.steps.restart import restart_computer as restart_computer
from osdimage.imaging.tasksequence.steps.set_variable import set_variable as set_variable
from osdimage.imaging.tasksequence.winpe.run_command_line import run_command_line as run_command_line
