r"""Capture Network Settings.

Membership and adapters are read from the Windows that is on the disk
(:mod:`~osdimage.imaging.tasksequence.computer.old_windows`), and become the variables that Apply Network Settings
takes; what is captured wins over the defaults of that step.  A domain is captured without an account that may join it.
MAC addresses that facts of the computer tell (``Win32_NetworkAdapter``) count more than those of the registry.

Sources: "Capture Network Settings" of Operating System Deployment in Configuration Manager 2007, which names the
variables that decide what is captured, the first as OSDMigrateAdapatorSettings.  No document names the variables that
are set: they are those that Apply Network Settings reads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from osdimage.imaging.drivers.target_os import ProductType
from osdimage.imaging.errors import Means, Remedy
from osdimage.imaging.tasksequence.capturing.capture_windows import where_it_is
from osdimage.imaging.tasksequence.capturing.membership import membership_of
from osdimage.imaging.tasksequence.capturing.network import membership_variables, network_of, network_variables
from osdimage.imaging.tasksequence.capturing.storing import Stored, store
from osdimage.imaging.tasksequence.capturing.told_macs import told_macs
from osdimage.imaging.tasksequence.codes import HResult
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.old_windows import DETECTED_DRIVE, opened_old_windows
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.given import given_facts
from osdimage.imaging.tasksequence.failures import action, forecast
from osdimage.imaging.tasksequence.inputs import Inputs, boolean, output
from osdimage.imaging.tasksequence.phases import BEFORE_NEW, Phase
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

_ADAPTERS, _MISSPELT = "OSDMigrateAdapterSettings", "OSDMigrateAdapatorSettings"
_MEMBERSHIP = "OSDMigrateNetworkMembership"

VARIABLES: tuple[VariableInfo, ...] = (
    boolean(_ADAPTERS, "capture the settings of adapters", default=True, source="CB"),
    boolean(_MISSPELT, "the same, as CM07 writes it"),
    boolean(_MEMBERSHIP, "capture the domain or workgroup", default=True),
    *(
        output(name, f"as Apply Network Settings has it: {told}", source="not documented")
        for name, told in (
            ("OSDNetworkJoinType", "0 for a domain, 1 for a workgroup"),
            ("OSDDomainName", "the domain, by its DNS name if it has one"),
            ("OSDWorkgroupName", "the workgroup"),
            ("OSDDNSDomain", "the primary DNS suffix of the computer"),
            ("OSDDNSSuffixSearchOrder", "DNS suffixes in their order"),
            ("OSDEnableTCPIPFiltering", "true where it is on, before Windows Vista"),
            ("OSDAdapterCount", "how many adapters were captured"),
            ("OSDAdapter<N>...", "what is set of each, with its MacAddress and Name"),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Captured:
    """What was captured.

    Attributes:
        where: of which Windows.
        stored: what became of it.
        notes: sentences about what need not be captured.
    """

    where: str
    stored: Stored
    notes: tuple[str, ...] = ()

    def result(self, events: Events) -> ActionResult:
        """Log what was captured, and return how the action ended."""
        for text in (*self.notes, *self.stored.details):
            events.log(LogType.INFO, text)
        names = self.stored.names
        told = f"captured from {self.where}: {', '.join(names) or 'nothing'}"
        return ActionResult(HResult.S_OK, told, outputs=names, warnings=self.stored.warnings)

    def forecast(self) -> Forecast:
        """Return what would be captured."""
        details = (*self.stored.details, *self.notes)
        return Forecast(f"capture network settings of {self.where}", warnings=self.stored.warnings, details=details)


@action(VARIABLES)
def capture_network_settings(env: Environment, machine: Machine, events: Events) -> ActionResult:
    """Set variables as the network settings of the Windows that is on the disk; nothing is written.

    Raises:
        ActionFailed: E_INVALIDARG when a variable is wrong or there is no such Windows, INVALID_DATA when its registry
            does not tell what is asked for, or another code when it cannot be read.
    """
    return _capture(env, machine).result(events)


@forecast
def forecast_capture_network_settings(env: Environment, machine: Machine) -> Forecast:
    """Tell what would be captured; later steps are forecast with it."""
    return _capture(env, machine).forecast()


def _capture(env: Environment, machine: Machine) -> Captured:
    inputs = Inputs(env, VARIABLES)
    adapters, membership = inputs.boolean(_ADAPTERS) is True, inputs.boolean(_MEMBERSHIP) is True
    misspelt = inputs.boolean(_MISSPELT)
    inputs.finish()
    if misspelt is None or env.text(_ADAPTERS):
        return captured(env, machine, adapters=adapters, membership=membership)
    found = captured(env, machine, adapters=misspelt, membership=membership)
    said = f"{_MISSPELT} is taken for {_ADAPTERS}, which it is in later documents"
    return replace(found, stored=replace(found.stored, warnings=(said, *found.stored.warnings)))


def captured(env: Environment, machine: Machine, *, adapters: bool, membership: bool) -> Captured:
    """Set the variables of Apply Network Settings as the Windows has it that is on the disk.

    Raises:
        InvalidRequest: when there is no such Windows, or nobody says which of several is meant.
        InvalidInput: when its registry does not tell what is asked for.
        TargetRefused, StorageError: when it cannot be read.
    """
    warnings: list[str] = []
    values: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    with opened_old_windows(machine, env.get(DETECTED_DRIVE)) as (files, windows):
        where = where_it_is(files, windows)
        if membership:
            values |= membership_variables(membership_of(files, windows))
            if windows.os.product is ProductType.DOMAIN_CONTROLLER:
                warnings.append(f"{where} is a controller of its domain; the next Windows joins that as a member")
        if adapters:
            network = network_of(windows, told=told_macs(given_facts(machine.supplies.facts, machine.firmware)))
            values |= network_variables(network.settings)
            warnings += network.warnings
            notes = network.notes
        stored = store(env, values)
    return Captured(where, replace(stored, warnings=(*warnings, *stored.warnings)), notes)


def refuses_in_windows_pe(env: Environment, machine: Machine) -> Refusal | None:
    """Tell why the network settings of a Windows that does not run then are not captured, or None."""
    del env
    if machine.phase is Phase.OLD:
        return None
    reason = "it captures the settings of the Windows that runs, and Windows PE runs then"
    return Refusal(reason, Remedy("to begin in that Windows, give {}", (Means.FROM_WINDOWS,)))


INFO = ActionInfo(
    type_name="SMS_TaskSequence_CaptureNetworkSettingsAction",
    title="Capture Network Settings",
    run=capture_network_settings,
    forecast=forecast_capture_network_settings,
    variables=VARIABLES,
    runs_in=RunIn.FULL_OS,
    phases=BEFORE_NEW,
    refuses=refuses_in_windows_pe,
    why_not="the new Windows has the settings that it was given",
)
