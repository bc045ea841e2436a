"""Whether a task sequence can run from stand-alone media, found out before these are written.

The wizard of ConfigMgr asks nothing of this.  All findings are told at once.  An error keeps media from being made:
they could not do what they are for, or would show a secret.  A warning is what depends on the computer or the network
that the media will meet.

Sources: "Stand-alone media" and "How to Create Stand-alone Media" of Operating System Deployment in Configuration
Manager 2007: no driver catalog, no software updates, no software before the operating system is there; which packages
and variables there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from osdimage.imaging import finding
from osdimage.imaging.errors import InvalidRequest, Means, NotForMedia, OsdImageError, Remedy, quoted
from osdimage.imaging.finding import Finding, Severity
from osdimage.imaging.media.sequence.given import StandaloneGiven
from osdimage.imaging.media.sequence.images import image_findings
from osdimage.imaging.media.sequence.needed import FULL_MEDIA, MediaStep, steps_on_media
from osdimage.imaging.media.sequence.rehearsed import rehearse_on_empty_computer
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.kinds import ActionTable
from osdimage.imaging.tasksequence.judging.known import known_actions
from osdimage.imaging.tasksequence.layers import check_settable, check_value
from osdimage.imaging.tasksequence.planned import PlannedStep, RunPlan
from osdimage.imaging.tasksequence.secrets import names_a_secret
from osdimage.imaging.tasksequence.steps import set_variable

# What stands for the value of another variable holds no secret itself; what is beside it may be one.
_REFERENCE = re.compile(r"%[A-Za-z0-9_.-]+%")
_GIVE_PACKAGE = "give {}"
_APPLIES = frozenset({"applyoperatingsystem", "bdd_installos"})
_SOFTWARE = frozenset({"installsoftware", "installapplication"})
# Steps that need what stand-alone media do not have, by the short forms of their types in lower case.
_ELSEWHERE = {
    "autoapply": "it takes drivers from a catalog, and none is on the media",
    "installupdate": "it installs the updates that a site offers, and the media have no site",
    "requeststatestore": "it asks a site for a place for the state of users",
    "releasestatestore": "it tells a site that the state of users was taken",
    "connectnetworkfolder": "it needs the network, and the folder that it connects to",
}
_DOMAINS = {"joindomainworkgroup": "OSDJoinType", "applynetworksettings": "OSDNetworkJoinType"}
_JOINS_DOMAIN = "it joins a domain, which needs the network and a domain controller in it"
_AT_THE_RUN = Remedy("see that it finds what it needs, disable it, or let its condition ask for _SMSTSMediaType")


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found out.

    Attributes:
        findings: errors first, then warnings, then notes.
        packages: the IDs of the packages that steps need, as they were given or as the steps name them.
        steps: how many steps may run from the media.
    """

    findings: tuple[Finding, ...]
    packages: tuple[str, ...]
    steps: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of its warnings."""
        return tuple(each.text for each in self.findings if each.severity is Severity.WARNING)

    def require(self, *, strict: bool = False) -> None:
        """Refuse a sequence with errors, and with ``strict`` one with warnings.

        Raises:
            NotForMedia: with all of them.
        """
        held = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
        found = [each for each in self.findings if each.severity in held]
        if found:
            raise NotForMedia([each.text for each in found], remedy=_all_of(each.remedy for each in found))


def together(validations: Sequence[Validation]) -> Validation:
    """Return what was found of several sequences that are on the same media.

    A package that one of them needs is no package too many.
    """
    needed = dict.fromkeys(name for each in validations for name in each.packages)
    used = set(map(_unused, needed))
    found = dict.fromkeys(each for one in validations for each in one.findings if each.text not in used)
    order = list(Severity)
    return Validation(
        tuple(sorted(found, key=lambda each: order.index(each.severity))),
        tuple(needed),
        sum(each.steps for each in validations),
    )


def _all_of(remedies: Iterable[Remedy]) -> Remedy:
    found = tuple(dict.fromkeys(remedies))
    means = tuple(means for each in found for means in each.means)
    values = tuple(value for each in found for value in each.values)
    return Remedy("; ".join(each.text for each in found), means, values)


def validate_standalone(given: StandaloneGiven, actions: ActionTable | None = None) -> Validation:
    """Find out what keeps a sequence from running from stand-alone media.  Nothing is written.

    Args:
        given: what is to be on the media.
        actions: what is known of types of steps; None: all that osdimage knows.

    Raises:
        StorageError: when no scratch folder can be made.
    """
    table = known_actions() if actions is None else actions
    faults = list(_variables(given))
    env = _environment(given, faults)
    steps = steps_on_media(given.sequence, env, table)
    needed = _needed(steps, given)
    missing = {key for key in needed if key not in _keys(given.packages)}
    found = [
        *faults,
        *_secrets(given, steps),
        *_packages(given, steps, needed, missing),
        *_places(steps),
        *image_findings(given, steps, env),
        *(_rehearsed(given, env, steps, missing) if given.is_rehearsed else ()),
    ]
    order = list(Severity)
    spelt = _keys(given.packages)
    return Validation(
        tuple(sorted(dict.fromkeys(found), key=lambda each: order.index(each.severity))),
        tuple(spelt.get(key, each.name) for key, each in needed.items()),
        len(steps),
    )


def _keys(packages: Mapping[str, object]) -> dict[str, str]:
    return {name.lower(): name for name in packages}


# Variables


def _variables(given: StandaloneGiven) -> Iterator[Finding]:
    seen: set[str] = set()
    for name, value in given.variables.items():
        try:
            check_settable(name)
            check_value(name, value)
        except InvalidRequest as error:
            yield finding.error("variable", error.said, "give media no such variable")
        if name.lower() in seen:
            text = f"{name} is given twice; names are compared without case"
            yield finding.error("variable", text, "give each variable once")
        seen.add(name.lower())


def _environment(given: StandaloneGiven, faults: list[Finding]) -> Environment:
    """Return what a run from the media begins with; variables that are wrong are told, and are not in it."""
    media = {} if faults else given.variables
    try:
        env = Environment(media=media, sequence=given.sequence.variables, hidden=given.hidden)
    except InvalidRequest as error:
        faults.append(finding.error("variable", error.said, "change the variables of the media or the sequence"))
        env = Environment(media={})
    env.set_read_only("_SMSTSMediaType", FULL_MEDIA)
    return env


def _secrets(given: StandaloneGiven, steps: Iterable[MediaStep]) -> Iterator[Finding]:
    """Tell what would be on the media in clear text."""
    if given.is_encrypted or given.allows_plaintext_secrets:
        return
    hidden = frozenset(name.lower() for name in given.hidden)
    remedy = Remedy("hide it by a password: {}; or allow it: {}", (Means.ENCRYPT_MEDIA, Means.PLAINTEXT_SECRETS))
    for where, values in (("", given.variables), (" of the whole sequence", given.sequence.variables)):
        for name, value in values.items():
            if value and (names_a_secret(name) or name.lower() in hidden):
                text = f"the value of {name}{where} is secret, and would be on the media in clear text"
                yield finding.error("secret-in-clear-text", text, remedy)
    for each in steps:
        names = list(dict.fromkeys(_secrets_in(each, hidden)))
        if names:
            text = f"{each.label}: {', '.join(names)} would be on the media in clear text"
            yield finding.error("secret-in-clear-text", text, remedy)


def _secrets_in(each: MediaStep, hidden: frozenset[str]) -> Iterator[str]:
    """Yield the names of what a step has secret values for, or sets to them."""
    told = each.step.told
    given = [(every.name, every.value, False) for every in each.step.variables]
    if each.info is set_variable.INFO:
        is_marked = (told.get("DoNotShowVariableValue") or "").strip().lower() == "true"
        given.append((told.get("VariableName") or "", told.get("VariableValue") or "", is_marked))
    for name, value, is_marked in given:
        is_secret = is_marked or names_a_secret(name) or name.lower() in hidden
        if is_secret and _REFERENCE.sub("", value).strip():
            yield name


# Packages


@dataclass(frozen=True, slots=True)
class _Need:
    """A package that steps need.

    Attributes:
        name: its ID.
        by: what needs it, in words.
    """

    name: str
    by: tuple[str, ...]


def _needed(steps: Iterable[MediaStep], given: StandaloneGiven) -> dict[str, _Need]:
    """Return the packages that steps and applications need, by their IDs in lower case."""
    pairs = [(package, each.label) for each in steps for package in each.packages]
    applications = given.supplies.applications.items()
    pairs += [(each.package, f"application {quoted(name)}") for name, each in applications if each.package is not None]
    names: dict[str, str] = {}
    by: dict[str, list[str]] = {}
    for package, label in pairs:
        names.setdefault(package.lower(), package)
        by.setdefault(package.lower(), []).append(label)
    return {key: _Need(names[key], tuple(dict.fromkeys(by[key]))) for key in names}


def _packages(
    given: StandaloneGiven, steps: tuple[MediaStep, ...], needed: Mapping[str, _Need], missing: set[str]
) -> Iterator[Finding]:
    for need in (each for key, each in needed.items() if key in missing):
        text = f"package {need.name} is not given; it is needed by {', '.join(need.by)}"
        yield finding.error("package-missing", text, Remedy(_GIVE_PACKAGE, (Means.PACKAGES,), (need.name,)))
    for each in steps:
        for text in each.unclear:
            yield finding.warning(
                "package-not-known",
                f"{each.label}: which package it needs is known only when it runs: {text}",
                Remedy("give every package that it may be: {}", (Means.PACKAGES,), ("ID",)),
            )
    for name in given.packages:
        if name.lower() not in needed:
            yield finding.warning("package-unused", _unused(name), "leave it out to save its room on the media")
    given_keys = _keys(given.packages)
    for name in given.sequence.packages:
        if name.lower() not in needed and name.lower() not in given_keys:
            text = f"the sequence refers to package {name}, and no step that may run from media is seen to need it"
            yield finding.note("package-referred-to", text, Remedy("if one does, give {}", (Means.PACKAGES,), (name,)))


def _unused(name: str) -> str:
    return f"package {name} is given, and no step is seen to need it"


# Steps


def _places(steps: Iterable[MediaStep]) -> Iterator[Finding]:
    """Tell of steps that need what media do not have, and of software that comes before the Windows."""
    has_windows = False
    for each in steps:
        kind = "" if each.info is None else each.info.short.lower()
        has_windows = has_windows or kind in _APPLIES
        reason = _elsewhere(each)
        if reason is not None:
            yield finding.warning("needs-site", f"{each.label}: {reason}", _AT_THE_RUN)
        if kind in _SOFTWARE and not has_windows:
            yield finding.error(
                "software-before-windows",
                f"{each.label}: from stand-alone media no software is installed before the Windows is there",
                "put it behind the step that applies Windows, disable it, or let its condition ask for "
                f"_SMSTSMediaType notEquals {FULL_MEDIA}",
            )


def _elsewhere(each: MediaStep) -> str | None:
    """Return what a step needs that stand-alone media do not have, or None."""
    kind = "" if each.info is None else each.info.short.lower()
    if kind in _DOMAINS:
        return _JOINS_DOMAIN if each.step.defaults.get(_DOMAINS[kind], "").strip() == "0" else None
    return _ELSEWHERE.get(kind)


def _rehearsed(
    given: StandaloneGiven, env: Environment, steps: tuple[MediaStep, ...], missing: set[str]
) -> Iterator[Finding]:
    """Tell what would keep a run from beginning on an empty computer, and was not told yet."""
    remedy = "a plan of the run on the disk of a computer that it is for tells more"
    try:
        plan = rehearse_on_empty_computer(given, env)
    except OsdImageError as error:
        yield finding.warning(
            "cannot-rehearse", f"whether it would run was not found out: {env.mask(error.said)}", remedy
        )
        return
    told = {
        each.number
        for each in steps
        if missing & {name.lower() for name in each.packages} or _elsewhere(each) is not None
    }
    there = {each.number for each in steps}
    for step in plan.steps:
        if step.number in told or step.number not in there:
            continue
        yield from _of_step(step, plan, remedy)
    start = plan.first_start
    for text in () if start is None else start.problems:
        yield finding.warning("would-fail", f"on an empty computer: {text}", remedy)


def _of_step(step: PlannedStep, plan: RunPlan, remedy: str) -> Iterator[Finding]:
    if step.decision is Decision.REFUSE and not step.may_fail:
        yield finding.warning("cannot-run", step.obstacle, step.remedy or Remedy(remedy))
        return
    if not step.may_fail:
        where = f"on an empty computer that starts by {plan.firmware.upper()}"
        for text in step.problems:
            yield finding.warning("would-fail", f"{where}, {step.label} would fail: {text}", remedy)
