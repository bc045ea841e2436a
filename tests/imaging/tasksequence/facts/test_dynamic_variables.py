"""Set Dynamic Variables: which rules hold, what they set, and what nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases.sequence import Log, run
from osdimage.imaging.errors import ActionFailed, InvalidInput, Means
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.facts.dynamic_variables import read_rules, set_dynamic_variables
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.plan import plan_sequence

FACTS = {
    "Win32_ComputerSystem": [{"Manufacturer": "HP", "Model": "HP ProBook 445 G6"}],
    "Win32_BIOS": [{"SerialNumber": "5CG1234XYZ"}],
    "Win32_SystemEnclosure": [{"SMBIOSAssetTag": "A-1"}],
    "Win32_ComputerSystemProduct": [{"UUID": "4C4C4544-0042-3510-8052-B4C04F564432"}],
    "Win32_NetworkAdapterConfiguration": [
        {"MACAddress": "00:0C:29:FF:F3:DE", "IPAddress": ["10.0.0.5", "fe80::1"], "DefaultIPGateway": ["10.0.0.1"]},
        {"MACAddress": None},
    ],
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps({"format": "osdimage-facts", "version": 1, "classes": {r"root\cimv2": FACTS}}))
    return Machine(supplies=Supplies(facts=(str(path),)))


def rule(condition: str, *variables: str) -> str:
    named = "".join(
        f'<Variable Name="{each.partition("=")[0]}">{each.partition("=")[2]}</Variable>' for each in variables
    )
    return f"<Rule>{condition}<Variables>{named}</Variables></Rule>"


def computer_is(**facts: str) -> str:
    """Return a condition as an export has it."""
    inner = "".join(f'<variable name="{name}">{value}</variable>' for name, value in facts.items())
    kind = "SMS_TaskSequence_ComputerConditionExpression"
    return f'<condition><expression type="{kind}">{inner}</expression></condition>'


def variable_is(name: str, value: str) -> str:
    facts = {"Operator": "equals", "Value": value, "Variable": name}
    inner = "".join(f'<variable name="{key}">{text}</variable>' for key, text in facts.items())
    kind = "SMS_TaskSequence_VariableConditionExpression"
    return f'<condition><expression type="{kind}">{inner}</expression></condition>'


def rules(*some: str) -> dict[str, str]:
    return {"OSDSetDynamicVariablesRules": f"<Rules>{''.join(some)}</Rules>"}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("", True),
        ("<condition/>", True),
        (computer_is(AssetTag="a-1"), True),
        (computer_is(AssetTag="A-2"), False),
        (computer_is(AssetTag="A-2", SerialNumber="5CG1234XYZ"), True),
        (computer_is(MACAddress="00-0c-29-ff-f3-de"), True),
        (computer_is(MACAddress="000c29fff3de"), True),
        (computer_is(MACAddress="00:0C:29:FF:F3:DF", UUID=""), False),
        (computer_is(UUID="4c4c4544-0042-3510-8052-b4c04f564432"), True),
        (variable_is("Site", "North"), True),
        (variable_is("Site", "South"), False),
    ],
)
def test_a_rule_holds_or_does_not(machine: Machine, condition: str, holds: bool) -> None:
    env = Environment(computer={"Site": "North"})
    run(set_dynamic_variables, env, machine, rules(rule(condition, "Set=yes")))
    assert env.get("Set") == ("yes" if holds else None)


def test_rules_are_carried_out_in_their_order_and_the_last_one_counts(machine: Machine) -> None:
    env, log = Environment(computer={"Base": "b"}), Log()
    made = rules(
        rule("", "A=1", "B=%Base%2"), rule(variable_is("A", "1"), "A=3"), rule(variable_is("A", "1"), "A=4", "C=5")
    )
    made["OSDSetDynamicVariablesRules"] = f'<?xml version="1.0" encoding="utf-16"?>{next(iter(made.values()))}'
    result = run(set_dynamic_variables, env, machine, made, log=log)
    assert {name: env.get(name) for name in "ABC"} == {"A": "3", "B": "b2", "C": None}
    assert result.message == "set A, B"
    assert [text for _, text in log.lines] == ["set A to '1'", "set B to 'b2'", "set A to '3'"]


def test_the_computer_is_told_by_variables(machine: Machine) -> None:
    env = Environment()
    run(set_dynamic_variables, env, machine)
    assert {name: env[name] for name in env if name.startswith("_SMSTS")} == {
        "_SMSTSMake": "HP",
        "_SMSTSModel": "HP ProBook 445 G6",
        "_SMSTSSerialNumber": "5CG1234XYZ",
        "_SMSTSAssetTag": "A-1",
        "_SMSTSUUID": "4C4C4544-0042-3510-8052-B4C04F564432",
        "_SMSTSMacAddresses": "00:0C:29:FF:F3:DE",
        "_SMSTSIPAddresses": "10.0.0.5,fe80::1",
        "_SMSTSDefaultGateways": "10.0.0.1",
    }


HIDDEN = '<Rule><Variables><Variable Name="Key" IsSecret="true"/></Variables></Rule>'
MODEL = '<condition><expression type="SMS_TaskSequence_MakeModelConditionExpression"/></condition>'


@pytest.mark.parametrize(
    ("text", "reason", "means"),
    [
        (rule(computer_is(AssetTag="A-2"), "A=1"), "rule 1: .*Win32_SystemEnclosure.SMBIOSAssetTag of", Means.FACTS),
        (rule("", "A=1") + rule(MODEL, "B=1"), "rule 2: .*expression of type SMS_TaskSequence_MakeModelC", None),
        (
            '<Rule><Variables><Variable Name="Key" IsSecret="true"/></Variables></Rule>',
            "rule 1 sets Key, whose sec",
            Means.VARIABLE,
        ),
    ],
)
def test_what_nobody_knows_refuses_the_step(text: str, reason: str, means: Means | None) -> None:
    wanted = sequence("S", step("a", "SetDynamicVariables", rules(text)))
    (planned,) = plan_sequence(wanted, Environment(), Machine()).steps
    assert planned.becomes == "refused"
    with pytest.raises(ActionFailed, match=reason) as caught:
        run(set_dynamic_variables, Environment(), Machine(), rules(text))
    assert planned.reason == str(caught.value)
    assert (planned.remedy.means if planned.remedy is not None else ()) == (() if means is None else (means,))


def test_a_secret_value_is_hidden_and_one_that_is_missing_may_be_given() -> None:
    env = Environment(computer={"Given": "hidden"})
    text = (
        '<Rule><Variables><Variable Name="Key" IsSecret="true">open sesame</Variable>'
        '<Variable Name="Given" IsSecret="true"></Variable></Variables></Rule>'
    )
    run(set_dynamic_variables, env, Machine(), rules(text))
    assert (env["Key"], env["Given"]) == ("open sesame", "hidden")
    assert env.mask("hidden open sesame") == "*** ***"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<Rules", "OSDSetDynamicVariablesRules"),
        ("<Other/>", "its element is <Other>; expected is <Rules>"),
        ("<Rules><Other/></Rules>", "<Other> among the rules; expected is <Rule>"),
        # A rule whose condition is not understood does not hold always.
        ("<Rules><Rule><Conditions/></Rule></Rules>", "<Conditions> in a rule; expected are <condition> and <Vari"),
        ("<Rules><Rule><Variables><Variable/></Variables></Rule></Rules>", "without a name"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><Rules>&a;</Rules>', "document type"),
    ],
)
def test_damaged_rules_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read_rules(text)
    with pytest.raises(ActionFailed, match=said):
        run(set_dynamic_variables, Environment(), Machine(), {"OSDSetDynamicVariablesRules": text})


def test_a_variable_of_the_engine_cannot_be_set() -> None:
    with pytest.raises(ActionFailed, match="_SMSTSMake is read-only"):
        run(set_dynamic_variables, Environment(), Machine(), rules(rule("", "_SMSTSMake=x")))
