r"""The domain or workgroup that a computer joins, as two steps have it under different names.

The unit of a domain is given with or without ``LDAP://``; the answer files want it without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from osdimage.imaging.answers.settings import Membership
from osdimage.imaging.tasksequence.inputs import Inputs

MAX_UNIT = 32767
DOMAIN, WORKGROUP = "0", "1"

_NAME = re.compile(r"[^\\/:*?\"<>|\s,]+")
_WORKGROUP = re.compile(r"[^\\/\[\]:|<>+=;,?\"*]*[^\\/\[\]:|<>+=;,?\"*\s.][^\\/\[\]:|<>+=;,?\"*]*")
_UNIT = re.compile(r"\s*[A-Za-z]+\s*=\s*(?:[^,\\]|\\.)+(?:,\s*[A-Za-z]+\s*=\s*(?:[^,\\]|\\.)+)*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Names:
    """What a step calls its variables."""

    kind: str
    domain: str
    unit: str
    workgroup: str
    needs_password: bool


def read_membership(inputs: Inputs, names: Names) -> Membership | None:
    """Return what is to be joined; None only when there are problems."""
    kind = inputs.text(names.kind)
    domain = inputs.parsed(names.domain, domain_name)
    workgroup = inputs.parsed(names.workgroup, workgroup_name)
    unit = inputs.parsed(names.unit, unit_name)
    account, password = inputs.text("OSDJoinAccount"), inputs.text("OSDJoinPassword")
    if kind is None:
        return None
    needed = {names.domain: domain} if kind == DOMAIN else {names.workgroup: workgroup}
    if kind == DOMAIN:
        needed["OSDJoinAccount"] = account
        if names.needs_password:
            needed["OSDJoinPassword"] = password
    elif unit is not None:
        inputs.problems.append(f"{names.unit} does not go with {names.kind}=1; a workgroup has no units")
    for name, value in needed.items():
        if value is None and not any(each.startswith(name) for each in inputs.problems):
            inputs.problems.append(f"{name} is missing; {names.kind}={kind} needs it")
    if kind == WORKGROUP:
        return Membership(workgroup=workgroup)
    return Membership(domain=domain, organizational_unit=unit, account=account, password=password)


def described(membership: Membership) -> str:
    """Say it for people, without secrets."""
    if membership.workgroup is not None:
        return f"workgroup {membership.workgroup}"
    return f"domain {membership.domain}"


def domain_name(text: str) -> str:
    """Read the name of a domain; ValueError when no domain can be called so."""
    return _matching(_NAME, text)


def workgroup_name(text: str) -> str:
    """Read the name of a workgroup; ValueError when no workgroup can be called so."""
    return _matching(_WORKGROUP, text)


def unit_name(text: str) -> str:
    """Read the distinguished name of a unit, with or without ``LDAP://``; ValueError when it is none."""
    plain = text[7:] if text.lower().startswith("ldap://") else text
    if _UNIT.fullmatch(plain) is None:
        raise ValueError
    return plain


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None or not text.isprintable():
        raise ValueError
    return text
