"""What Windows refuses of an ``unattend.xml``, and what it ignores without a word.

An image that is applied to a disk is set up by its own passes alone: ``specialize``, ``oobeSystem``, and those of
audit mode.  Sources: Microsoft, "Windows Setup Configuration Passes" (which pass runs when), "component" and "settings"
in the "Unattended Windows Setup Reference" (the attributes that name a component; a component counts only in the
Windows of its ``processorArchitecture``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from osdimage.imaging.answers.document import Document, Name, Node, read_document
from osdimage.imaging.answers.settings import VALID_COMPUTER_NAMES, is_computer_name
from osdimage.imaging.answers.wording import listed, shown
from osdimage.imaging.errors import InvalidInput

NAMESPACE = "urn:schemas-microsoft-com:unattend"
WCM = "http://schemas.microsoft.com/WMIConfig/2002/State"
ARCHITECTURES = {"x86": "x86", "x64": "amd64", "arm": "arm", "arm64": "arm64", "ia64": "ia64"}
"""What answer files call the architectures of images."""

_USED = ("specialize", "auditSystem", "auditUser", "oobeSystem")
_UNUSED = {
    "windowsPE": "only Windows Setup that runs in Windows PE reads it",
    "offlineServicing": "only Windows Setup that runs in Windows PE, and DISM, read it",
    "generalize": "only Sysprep reads it, when it generalizes",
}
_IDENTITY = ("name", "processorArchitecture", "publicKeyToken", "language", "versionScope")
_VALUES = {
    "publicKeyToken": (re.compile("[0-9A-Fa-f]{16}"), "16 hexadecimal digits"),
    "versionScope": (re.compile("nonSxS|SxS"), "nonSxS, SxS"),
    "processorArchitecture": (
        re.compile("x86|amd64|arm|arm64|ia64|wow64|neutral", re.ASCII | re.IGNORECASE),
        "x86, amd64, arm, arm64, ia64",
    ),
}


@dataclass(frozen=True, slots=True)
class _Component:
    """A component, the pass that it is in, and the names of its settings."""

    node: Node
    configuration_pass: str

    @property
    def name(self) -> str:
        return self.node.get("name") or ""

    @property
    def architecture(self) -> str:
        return (self.node.get("processorArchitecture") or "").lower()

    @property
    def settings(self) -> set[Name]:
        return {each.name for each in self.node.children}

    def __str__(self) -> str:
        return f"{shown(self.name) or 'without a name'} ({shown(self.configuration_pass)})"


def read_unattend(data: bytes, *, source: str) -> Document:
    """Read an answer file.

    Raises:
        InvalidInput: when it is none.  The message does not quote its contents, since they may hold passwords.
    """
    document = read_document(data, source=source)
    name = document.root.name
    if name != Name(NAMESPACE, "unattend"):
        wrong = ""
        if name.local == "unattend":
            wrong = ", not in another namespace" if name.namespace else ", not without a namespace"
        raise InvalidInput(f"{source}: is no answer file; its root must be <unattend xmlns={NAMESPACE!r}>{wrong}")
    return document


def warnings_about(root: Node, architecture: str | None) -> tuple[str, ...]:
    """Return what Windows would ignore of an answer file in an image that is applied: one sentence each.

    Args:
        root: of the answer file.
        architecture: of the image, as answer files call it; None when it is not known.
    """
    found = [*_strangers(root), *_passes(root)]
    components = list(_components(root))
    used = [each for each in components if each.configuration_pass in _USED]
    found += _identities(components)
    found += _duplicates(root, components)
    if architecture is not None and used:
        found += _architectures(used, architecture)
    found += _outside(used)
    found += _names(used)
    if not used:
        found.append(f"nothing of it is used: an image that is applied reads components of {listed(_USED)} only")
    return tuple(found)


def warnings_in_windows_pe(root: Node, architecture: str | None, *, by_setup: bool) -> tuple[str, ...]:
    """Return what would be ignored of an answer file in a boot image: one sentence each.

    Args:
        root: of the answer file.
        architecture: as of :func:`warnings_about`.
        by_setup: Windows Setup reads it, and gives it on to the Windows that it installs; otherwise wpeinit does.
    """
    components = list(_components(root))
    found = [*_strangers(root), *_identities(components), *_duplicates(root, components)]
    here = [each for each in components if each.configuration_pass == _PE_PASS]
    if architecture is not None and here:
        found += _architectures(here, architecture)
    found += _outside(here)
    if not by_setup:
        found += _beyond_wpeinit(components)
    if not here:
        found.append(f"nothing of it is used in Windows PE, which reads components of the pass {_PE_PASS} only")
    return tuple(found)


def _beyond_wpeinit(components: list[_Component]) -> Iterator[str]:
    """Tell of what only a Setup knows ("Wpeinit and Startnet.cmd": the settings that wpeinit reads)."""
    others = [each for each in components if each.configuration_pass != _PE_PASS or each.name.lower() != _PE_COMPONENT]
    if others:
        yield f"wpeinit reads Microsoft-Windows-Setup ({_PE_PASS}) only, and ignores {listed(others)}"
    settings = dict.fromkeys(
        f"<{shown(name.local)}>"
        for each in components
        if each.configuration_pass == _PE_PASS and each.name.lower() == _PE_COMPONENT
        for name in sorted(each.settings)
        if name.local not in _PE_SETTINGS
    )
    if settings:
        yield f"wpeinit ignores {listed(settings)}; it reads {', '.join(_PE_SETTINGS)}"


_PE_PASS, _PE_COMPONENT = "windowsPE", "microsoft-windows-setup"
_PE_SETTINGS = (
    *("Display", "EnableFirewall", "EnableNetwork", "LogPath", "PageFile", "Restart"),
    *("RunSynchronous", "RunAsynchronous"),
)


_SHELL, _NAMING = "microsoft-windows-shell-setup", "specialize"


def _names(used: list[_Component]) -> Iterator[str]:
    """Tell of names that no computer can have, which end Setup ("ComputerName" in the reference; ``*`` is any)."""
    texts = [
        (each, node.text.strip())
        for each in used
        if each.name.lower() == _SHELL and each.configuration_pass == _NAMING
        for node in each.node.all(Name(NAMESPACE, "ComputerName"))
    ]
    wrong = [each for each, text in texts if text not in ("", "*") and not is_computer_name(text)]
    if wrong:
        yield (
            f"Windows ends its setup at a <ComputerName> that no computer can have: {listed(wrong)}; "
            f"valid: {VALID_COMPUTER_NAMES}"
        )


def _components(root: Node) -> Iterator[_Component]:
    for settings in root.all(Name(NAMESPACE, "settings")):
        for component in settings.all(_COMPONENT):
            yield _Component(component, settings.get("pass") or "")


def _strangers(root: Node) -> Iterator[str]:
    """Tell of elements that are neither settings nor components; those of other tools have their own namespaces."""
    odd = set()
    for each in root.children:
        is_ours = each.name.namespace == NAMESPACE
        if is_ours != (each.name.local in _TOP):
            odd.add(_tag(each))
    for settings in root.all(Name(NAMESPACE, "settings")):
        odd |= {f"{_tag(each)} in <settings>" for each in settings.children if each.name != _COMPONENT}
    if odd:
        yield f"Windows ignores {listed(sorted(odd))}: it reads <settings> with <component>s"
    if root.child(Name(NAMESPACE, "servicing")) is not None:
        yield f"<servicing> is not used by an image that is applied: {_UNUSED['offlineServicing']}"


def _tag(node: Node) -> str:
    return f"<{shown(node.name.local)}>" + ("" if node.name.namespace == NAMESPACE else " of another namespace")


_TOP = ("settings", "servicing")
_COMPONENT = Name(NAMESPACE, "component")


def _passes(root: Node) -> Iterator[str]:
    there = dict.fromkeys(each.get("pass") or "" for each in root.all(Name(NAMESPACE, "settings")) if each.children)
    known = (*_USED, *_UNUSED)
    for each in there:
        if each in _UNUSED:
            yield f"the pass {each} is not used by an image that is applied: {_UNUSED[each]}"
    done = [each.get("pass") or "" for each in root.all(Name(NAMESPACE, "settings")) if is_marked(each)]
    if done:
        yield f"Windows skips passes that are marked as processed (wasPassProcessed): {listed(map(shown, done))}"
    unknown = [each for each in there if each not in known]
    if unknown:
        close = [difflib.get_close_matches(each.lower(), [one.lower() for one in known], n=1) for each in unknown]
        meant = dict.fromkeys(one for one in known for each in close if one.lower() in each)
        hint = f"; {listed(meant)} may be meant" if meant else f"; valid are {listed(known)}"
        yield f"Windows has no pass {listed(repr(shown(each)) for each in unknown)} and ignores its settings{hint}"


def is_marked(settings: Node) -> bool:
    """Tell whether settings of a pass are marked as processed, which Windows then skips."""
    return (settings.get("wasPassProcessed") or "").lower() == "true"


def _identities(components: list[_Component]) -> Iterator[str]:
    lacking: dict[str, list[_Component]] = {}
    for each in components:
        missing = [key for key in _IDENTITY if not each.node.get(key)]
        if missing:
            lacking.setdefault(", ".join(missing), []).append(each)
    for keys, found in lacking.items():
        yield f"without {keys} Windows does not know what is meant by the component {listed(found)}"
    for key, (pattern, valid) in _VALUES.items():
        wrong = [each for each in components if (text := each.node.get(key)) and pattern.fullmatch(text) is None]
        if wrong:
            yield f"the {key} of the component {listed(wrong)} is none; valid: {valid}"


def _architectures(used: list[_Component], architecture: str) -> Iterator[str]:
    """Tell of what is for another Windows only; the same settings for several are the rule in files for all."""
    mine: dict[tuple[str, str], set[Name]] = {}
    for each in used:
        if each.architecture == architecture:
            mine.setdefault((each.configuration_pass, each.name), set()).update(each.settings)
    if not mine:
        others = listed(dict.fromkeys(shown(each.architecture) or "none" for each in used))
        yield f"nothing of it is used: the image is for {architecture}, and its components are for {others}"
        return
    foreign = [
        each
        for each in used
        if each.architecture != architecture and each.settings - mine.get((each.configuration_pass, each.name), set())
    ]
    for other in dict.fromkeys(each.architecture for each in foreign):
        names = listed(each for each in foreign if each.architecture == other)
        yield f"the image is for {architecture}: Windows ignores what is for {shown(other) or 'none'} only: {names}"


def _duplicates(root: Node, components: list[_Component]) -> Iterator[str]:
    seen: set[tuple[str, ...]] = set()
    twice = []
    for each in components:
        identity = (each.configuration_pass, *((each.node.get(key) or "").lower() for key in _IDENTITY))
        if identity in seen:
            twice.append(each)
        seen.add(identity)
    if twice:
        yield f"Windows takes one of two components of one name in a pass: {listed(twice)}"
    passes = [each.get("pass") or "" for each in root.all(Name(NAMESPACE, "settings"))]
    again = dict.fromkeys(each for each in passes if passes.count(each) > 1) if len(passes) < _FEW else {}
    if again:
        yield f"Windows expects the settings of a pass in one place, but {listed(map(shown, again))} is there twice"
    settings = dict.fromkeys(f"<{shown(name)}> in {each}" for each in components for name in _repeated(each.node))
    if settings:
        yield f"Windows takes one of two settings of one name that are no items of a list: {listed(settings)}"


_FEW = 1000


def _repeated(component: Node) -> Iterator[str]:
    """Yield the names of settings that stand twice in one place without being items (``wcm:action="add"``)."""
    for node in component.walk():
        names: set[Name] = set()
        for each in node.children:
            if Name(WCM, "action") not in each.named_attributes:
                if each.name in names:
                    yield each.name.local
                names.add(each.name)


def _outside(used: list[_Component]) -> Iterator[str]:
    found = dict.fromkeys(
        f"<{shown(node.name.local)}> in {each}"
        for each in used
        for node in each.node.walk()
        if node.name.namespace != NAMESPACE
    )
    if found:
        yield f"Windows ignores settings that are not in the namespace of answer files: {listed(found)}"
