"""Conditions: the operators of the SDK's SMS_TaskSequence_VariableConditionExpression, joined, and unknown ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.element import read_element
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.conditions import (
    Compare,
    Condition,
    Joined,
    Joint,
    Operator,
    Question,
    Subject,
    Unknown,
    evaluate,
    names_last_action,
    read_condition,
    write_condition,
)
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.layers import Properties

YES, NO, OPEN = Compare("A", Operator.EXISTS), Compare("A", Operator.NOT_EXISTS), Unknown("expression of type WMI")


def env(**variables: str) -> Environment:
    return Environment(computer={"A": "1", **variables})


def parsed(text: str) -> Condition:
    return read_condition([read_element(f"<condition>{text}</condition>".encode(), source="x")])


@pytest.mark.parametrize(
    ("operator", "value", "variable", "holds"),
    [
        ("exists", "", "x", True),
        ("exists", "", None, False),
        ("notExists", "", None, True),
        ("notExists", "", "x", False),
        ("equals", "True", "true", True),
        ("equals", "1", "01", False),
        ("equals", "", None, True),
        ("equals", "%Other%", "value", True),
        ("equals", "%Unknown%", "%unknown%", True),
        ("notEquals", "FullMedia", "BootMedia", True),
        ("notEquals", "fullmedia", "FullMedia", False),
        ("notEquals", "True", None, True),
        ("less", "10", "9", True),
        ("less", "10", "10", False),
        ("less", "b", "A", True),
        ("less", "10", "9x", False),
        ("less", "1", None, False),
        ("lessEqual", "10", "10", True),
        ("lessEqual", "10", "11", False),
        ("greater", "9", "10", True),
        ("greater", "-5", "-4", True),
        ("greater", "0", None, False),
        ("greaterEqual", "10", " 10 ", True),
        ("greaterEqual", "99999999999999999999998", "99999999999999999999999", True),
        ("greaterEqual", "b", "A", False),
    ],
)
def test_an_operator_compares_as_it_says(operator: str, value: str, variable: str | None, *, holds: bool) -> None:
    given_as = {} if variable is None else {"V": variable}
    verdict = evaluate(Compare("v", Operator(operator), value), env(Other="value", **given_as))
    assert (verdict.holds, verdict.is_known) == (holds, True)
    assert operator in verdict.reason


@pytest.mark.parametrize(
    ("condition", "holds", "is_known"),
    [
        pytest.param(None, True, True, id="none"),
        pytest.param(Joined(Joint.ALL, ()), True, True, id="empty"),
        pytest.param(Joined(Joint.ALL, (YES, YES)), True, True, id="and"),
        pytest.param(Joined(Joint.ALL, (YES, NO)), False, True, id="and, one not"),
        pytest.param(Joined(Joint.ANY, (NO, YES)), True, True, id="or"),
        pytest.param(Joined(Joint.ANY, (NO, NO)), False, True, id="or, none"),
        pytest.param(Joined(Joint.NONE, (NO, NO)), True, True, id="not, none"),
        pytest.param(Joined(Joint.NONE, (NO, YES)), False, True, id="not, one"),
        pytest.param(OPEN, False, False, id="unknown"),
        pytest.param(Joined(Joint.NONE, (OPEN,)), False, False, id="not unknown is no yes"),
        pytest.param(Joined(Joint.ALL, (YES, OPEN)), False, False, id="yes and unknown"),
        pytest.param(Joined(Joint.ALL, (NO, OPEN)), False, True, id="no and unknown is no"),
        pytest.param(Joined(Joint.ANY, (YES, OPEN)), True, True, id="yes or unknown is yes"),
        pytest.param(Joined(Joint.ANY, (NO, OPEN)), False, False, id="no or unknown"),
        pytest.param(Joined(Joint.NONE, (YES, OPEN)), False, True, id="not (yes or unknown) is no"),
    ],
)
def test_conditions_are_joined_with_three_answers(condition: Condition, *, holds: bool, is_known: bool) -> None:
    verdict = evaluate(condition, env())
    assert (verdict.holds, verdict.is_known) == (holds, is_known)


def test_the_reason_names_what_cannot_be_found_out() -> None:
    verdict = evaluate(Joined(Joint.ALL, (YES, OPEN, Joined(Joint.NONE, (OPEN,)))), env())
    assert verdict.reason == "cannot be found out on Linux: expression of type WMI"


def test_the_reason_says_the_condition_and_no_secret() -> None:
    secret = env(OSDJoinPassword="swordfish")
    condition = Joined(
        Joint.ANY,
        (
            Compare("OSDJoinPassword", Operator.EQUALS, "other"),
            Joined(Joint.NONE, (Compare("B", Operator.EQUALS, "swordfish"), YES)),
        ),
    )
    assert evaluate(condition, secret).reason == (
        "condition does not hold: OSDJoinPassword equals 'other' or (not (B equals '***' or A exists))"
    )


VARIABLE = (
    '<expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">{}</variable>'
    '<variable name="Value">{}</variable><variable name="Variable">{}</variable></expression>'
)


@pytest.mark.parametrize("operator", list(Operator))
def test_every_operator_is_read_whatever_its_case(operator: Operator) -> None:
    assert parsed(VARIABLE.format(operator.value.upper(), "x", "V")) == Joined(
        Joint.ALL, (Compare("V", operator, "x"),)
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<expression type="SMS_TaskSequence_WMIConditionExpression"><variable name="Query">X</variable></expression>',
         "expression of type SMS_TaskSequence_WMIConditionExpression"),
        ('<expression type="SMS_TaskSequence_FileConditionExpression"/>', "SMS_TaskSequence_FileConditionExpression"),
        ('<expression type="SMS_TaskSequence_RegistryConditionExpression"/>', "RegistryConditionExpression"),
        ('<expression type="Own"/>', "expression of type Own"),
        ("<expression/>", "expression of type"),
        (VARIABLE.format("like", "x", "V"), "operator 'like' of a variable"),
        (VARIABLE.format("equals", "x", ""), "expression without a variable"),
        ('<operator type="xor"><expression/></operator>', "operator of type 'xor'"),
        ('<operator type="or"/>', "the operator or has nothing to join"),
        ('<osConditionGroup type="or"/>', "the operator or has nothing to join"),
        ('<osConditionGroup type="xor"/>', "operator of type 'xor'"),
    ],
)  # fmt: skip
def test_what_is_not_known_does_not_hold_and_is_named(text: str, why: str) -> None:
    verdict = evaluate(parsed(text), env(V="x"))
    assert (verdict.holds, verdict.is_known) == (False, False)
    assert why in verdict.reason
    negated = evaluate(parsed(f'<operator type="not">{text}</operator>'), env(V="x"))
    assert (negated.holds, negated.is_known) == (False, False)


def test_expressions_side_by_side_must_all_hold() -> None:
    text = VARIABLE.format("equals", "1", "A") + VARIABLE.format("equals", "2", "B")
    assert not evaluate(parsed(text), env()).holds
    assert evaluate(parsed(text), env(B="2")).holds


def test_what_is_not_known_cannot_be_written() -> None:
    with pytest.raises(InvalidRequest, match="cannot be written: expression of type WMI"):
        write_condition(OPEN)


COMPARISONS = st.builds(
    lambda name, operator, value: Compare(name, operator, value if operator.takes_value else ""),
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(list(Operator)),
    st.sampled_from(["", "1", "2", "x", "%A%"]),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.builds(Joined, st.sampled_from(list(Joint)), st.lists(inner, min_size=1, max_size=3).map(tuple)),
    max_leaves=8,
)


@given(CONDITIONS, st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["1", "2", "x"])))
def test_a_condition_that_is_written_and_read_gives_the_same_answer(
    condition: Condition, variables: dict[str, str]
) -> None:
    given_to = Environment(computer=variables)
    again = read_condition([write_condition(condition)])
    assert evaluate(again, given_to).holds == evaluate(condition, given_to).holds


@given(CONDITIONS, CONDITIONS, st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["1", "2", "x"])))
def test_de_morgan_holds_for_known_conditions(left: Condition, right: Condition, variables: dict[str, str]) -> None:
    given_to = Environment(computer=variables)

    def holds(condition: Condition) -> bool:
        return evaluate(condition, given_to).holds

    assert holds(Joined(Joint.NONE, (left, right))) == (not holds(left) and not holds(right))
    assert holds(Joined(Joint.NONE, (Joined(Joint.NONE, (left,)),))) == holds(left)
    assert holds(Joined(Joint.ANY, (left, right))) == (holds(left) or holds(right))


def test_a_secret_with_a_backslash_is_masked_in_what_is_said_of_a_condition() -> None:
    secret = Environment(computer={"OSDJoinPassword": "pass\\word's"})
    verdict = evaluate(Compare("OSDJoinPassword", Operator.NOT_EQUALS, "pass\\word's"), secret)
    assert verdict.reason == "condition does not hold: OSDJoinPassword notEquals '***'"


# Shape: osConditionGroup with osExpressionGroups of queries, as exports of ConfigMgr have it; each member is one
# operating system.
LISTED = """<osConditionGroup type="or">{}</osConditionGroup>"""
MEMBER = """<osExpressionGroup name="{}"><expression type="SMS_TaskSequence_WMIConditionExpression">
    <variable name="Namespace">root\\cimv2</variable><variable name="Query">{}</variable></expression>
    </osExpressionGroup>"""


def test_of_a_list_of_operating_systems_one_must_hold() -> None:
    members = MEMBER.format("All x64 Windows 10", "A") + MEMBER.format("All x64 Windows 11", "B")
    condition = parsed(LISTED.format(members))
    for holding, holds in ((("B",), True), ((), False)):
        verdict = evaluate(condition, env(), ask=lambda question, _, there=holding: question.facts["Query"] in there)
        assert verdict.holds is holds
    unknown = evaluate(condition, env(), ask=lambda *_: "which Windows runs")
    assert not unknown.is_known
    assert unknown.remedy is not None


def test_a_question_with_a_variable_that_nobody_knows_yet_is_not_asked() -> None:
    query = "SELECT * FROM Win32_BIOS WHERE Name LIKE '%HP%' AND Version = '%Later%'"
    question = Question(Subject.WMI, Properties({"Query": query}))

    def doubt(name: str) -> str | None:
        return "Later, which the first start sets" if name == "later" else None

    def never(*_: object) -> bool:
        raise AssertionError("asked with the value of before")

    verdict = evaluate(question, env(Later="old"), doubt, never)
    assert not verdict.is_known
    assert verdict.reason == "cannot be found out on Linux: Later, which the first start sets"
    assert evaluate(question, env(), ask=lambda *_: True).holds


def test_how_the_last_action_ended_may_stand_in_a_question() -> None:
    asked = Question(Subject.FILE, Properties({"Path": "C:\\%_SMSTSLastActionRetCode%.txt"}))
    assert names_last_action(Joined(Joint.ALL, (YES, asked)))
    assert not names_last_action(Question(Subject.FILE, Properties({"Path": "C:\\_SMSTSLastActionRetCode.txt"})))
