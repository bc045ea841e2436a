"""Child task sequences in the place of the steps that run them."""

from __future__ import annotations

import pytest
from cases.sequence_bench import Bench
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.element import make, write_element
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.tasksequence.computer.machine import Machine
from osdimage.imaging.tasksequence.computer.supplies import Supplies
from osdimage.imaging.tasksequence.conditions import Compare, Operator
from osdimage.imaging.tasksequence.environment import Environment
from osdimage.imaging.tasksequence.forms.answers import Answers
from osdimage.imaging.tasksequence.forms.build import group, sequence, step
from osdimage.imaging.tasksequence.forms.children import with_children
from osdimage.imaging.tasksequence.forms.xml import read_sequence, write_sequence
from osdimage.imaging.tasksequence.judging.judgement import Decision
from osdimage.imaging.tasksequence.judging.leave_out import LeaveOut, steps_called
from osdimage.imaging.tasksequence.plan import plan_sequence
from osdimage.imaging.tasksequence.runner import fingerprint, run_sequence
from osdimage.imaging.tasksequence.sequence import Group, Sequence, Step

# As an export of ConfigMgr has it (github.com/forevanyeung/tasksequences, extracted.xml), with another ID and name.
RUNS = (
    '<subtasksequence type="SMS_TaskSequence_SubTasksequence" name="Software" description="" {more}successCodeList="0" '
    'retryCount="0" runFromNet="false"><action>SubTasksequence.exe</action>{condition}<defaultVarList>'
    '<variable name="OSDSubTasksequenceTsName" property="TsName">ABC00002, Child</variable>'
    '<variable name="OSDSubTasksequencePackageID" property="TsPackageID">ABC00002</variable>'
    "</defaultVarList></subtasksequence>"
)
CONDITION = (
    '<condition><expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">equals'
    '</variable><variable name="Variable">Model</variable><variable name="Value">X</variable></expression></condition>'
)


def parent(more: str = "", condition: str = "") -> Sequence:
    runs = RUNS.format(more=more, condition=condition)
    first, last = (f'<step type="SMS_TaskSequence_WorkAction" name="{name}"><action/></step>' for name in ("a", "z"))
    text = f'<sequence version="3.10"><group name="G">{first}{runs}</group>{last}</sequence>'
    return read_sequence(text.encode(), source="parent")


def runs(name: str, child: str) -> Step:
    return step(name, "SMS_TaskSequence_SubTasksequence", properties={"TsPackageID": child})


CHILD = sequence("Child", step("one", "Work"), group("Inner", step("two", "Work")), variables={"Own": "1"})


def tree(members: tuple[Group | Step, ...]) -> list[object]:
    return [[each.name, *tree(each.members)] if isinstance(each, Group) else each.name for each in members]


def test_the_members_of_a_child_take_the_place_of_the_step_that_runs_it() -> None:
    made = with_children(parent(), {"abc00002": CHILD})
    assert tree(made.members) == [["G", "a", ["Software", "one", ["Inner", "two"]]], "z"]
    assert made.labels == ("1", "2.1", "2.2", "3")
    # It is a sequence like any other.
    assert read_sequence(write_sequence(made), source="x").labels == made.labels


def test_the_group_has_the_condition_and_the_error_settings_of_the_step() -> None:
    made = with_children(parent('disable="true" continueOnError="true" ', CONDITION), {"ABC00002": CHILD})
    software = made.members[0].members[1]  # type: ignore[union-attr]
    assert (software.name, software.child) == ("Software", "ABC00002")
    assert (software.is_disabled, software.continue_on_error) == (True, True)
    assert software.condition.parts == (Compare("Model", Operator.EQUALS, "X"),)


def test_a_step_that_fails_in_a_child_fails_as_in_a_group() -> None:
    bench = Bench()
    tolerant = with_children(parent('continueOnError="true" '), {"ABC00002": CHILD})
    report = bench.run(tolerant, Environment(computer={"Fail": "one"}))
    assert [(each.shown, each.state.value) for each in report.steps] == [
        ("1", "succeeded"), ("2.1", "failed"), ("2.2", "not run"), ("3", "succeeded"),
    ]  # fmt: skip
    strict = bench.run(with_children(parent(), {"ABC00002": CHILD}), Environment(computer={"Fail": "one"}))
    assert strict.message == "step 2.1 'one' failed"


def test_parent_and_child_share_one_environment() -> None:
    setting = step("s", "SetVariable", properties={"VariableName": "Of", "VariableValue": "%Given% and child"})
    env = Environment(computer={"Given": "parent"})
    run_sequence(with_children(sequence("P", runs("r", "C")), {"C": sequence("Child", setting)}), env, Machine())
    assert env["Of"] == "parent and child"


def test_variables_and_packages_of_a_child_belong_to_the_whole() -> None:
    mine = sequence("P", runs("r", "C"), variables={"Both": "parent"}, packages=("P1", "P2"))
    child = sequence("C", step("x", "Work"), variables={"both": "child", "Own": "1"}, packages=("P2", "P3"))
    made = with_children(mine, {"C": child})
    assert made.variables == {"Both": "parent", "Own": "1"}
    assert made.packages == ("P1", "P2", "P3")


def test_the_fingerprint_tells_a_changed_child() -> None:
    changed = sequence("Child", step("one", "Work"))
    one, other = (fingerprint(with_children(parent(), {"ABC00002": each})) for each in (CHILD, changed))
    assert one != other


def test_children_have_children() -> None:
    family = {"B": sequence("B", step("b", "Work"), runs("rc", "C")), "C": sequence("C", step("c", "Work"))}
    made = with_children(sequence("A", runs("rb", "B"), runs("rc", "c")), family)
    assert made.labels == ("1.1", "1.2.1", "2.1")


def test_a_step_whose_child_is_not_given_is_refused_and_says_what_to_give() -> None:
    plan = plan_sequence(parent(), Environment(), Machine(), Bench().actions)
    refused = plan.steps[1]
    assert (refused.decision, refused.reason) == (
        Decision.REFUSE, "the task sequence that it runs is not given: ABC00002",
    )  # fmt: skip
    assert str(refused.remedy) == "give with_children(ABC00002)"


def test_a_step_that_is_passed_over_needs_no_child() -> None:
    for each in (parent('disable="true" '), parent(condition=CONDITION)):
        plan = plan_sequence(each, Environment(), Machine(), Bench().actions)
        assert plan.steps[1].decision is Decision.SKIP


@pytest.mark.parametrize(
    ("word", "numbers"),
    [
        pytest.param("2.2", (3,), id="a step of a child"),
        pytest.param("2", (2, 3), id="all steps of a child"),
        pytest.param("software", (2, 3), id="by the name of the step that runs it"),
        pytest.param("3", (4,), id="a step behind it has the number that the parent gives it"),
        pytest.param("4", (), id="a number of none"),
        pytest.param("Inner", (), id="a group is no step"),
    ],
)
def test_steps_of_children_are_named(word: str, numbers: tuple[int, ...]) -> None:
    assert steps_called(word, with_children(parent(), {"ABC00002": CHILD})) == numbers


def test_a_child_is_not_replaced_as_a_whole() -> None:
    made = with_children(parent(), {"ABC00002": CHILD})
    assert Answers(replaced=(("2.1", "x"),)).over(Supplies(), made).replaced == {2: "x"}
    for word in ("2", "Software"):
        with pytest.raises(InvalidRequest, match=r"runs a task sequence; valid is one step of that, such as 2\.1"):
            Answers(replaced=((word, "x"),)).over(Supplies(), made)


def test_a_child_is_left_out_as_a_whole() -> None:
    made = with_children(parent(), {"ABC00002": CHILD})
    report = Bench().run(made, leave_out=LeaveOut.of(["2"], made))
    assert [each.state.value for each in report.steps] == ["succeeded", "left out", "left out", "succeeded"]


def chain(length: int) -> dict[str, Sequence]:
    family = {f"C{n}": sequence(f"C{n}", runs("r", f"C{n + 1}")) for n in range(1, length)}
    return {**family, f"C{length}": sequence("last", step("x", "Work"))}


def test_ten_children_below_one_another_are_taken() -> None:
    made = with_children(sequence("P", runs("r", "C1")), chain(10))
    assert made.labels == (".".join("1" * 11),)


def off() -> Sequence:
    properties = {"PackageID": "C1", "Sequence": write_sequence(CHILD).decode(), "TsEnabled": "false"}
    entries = (make("PROPERTY", {"NAME": name}, make("VALUE", None, value)) for name, value in properties.items())
    document = make("INSTANCE", {"CLASSNAME": "SMS_TaskSequencePackage"}, *entries)
    return read_sequence(write_element(document), source="child")


RINGS = {"C1": sequence("C1", runs("r", "C2")), "C2": sequence("C2", runs("r", "c1"))}


@pytest.mark.parametrize(
    ("family", "message"),
    [
        pytest.param(RINGS, "a task sequence runs itself: C1 runs C2 runs C1", id="a ring"),
        pytest.param(chain(11), "more than 10 children deep", id="eleven below one another"),
        pytest.param({"C1": off()}, "task sequence C1 is disabled: a deployment that runs it fails", id="disabled"),
        pytest.param(
            {f"C{n}": sequence("x", *(runs("r", f"C{n + 1}") for _ in range(10))) for n in range(1, 10)}
            | {"C10": sequence("x", *(step("s", "Work") for _ in range(10)))},
            "has more than 10,000 steps",
            id="ten thousand million steps in a few lines",
        ),
    ],
)
def test_children_that_cannot_be_put_together_are_refused(family: dict[str, Sequence], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        with_children(sequence("P", runs("r", "C1")), family)
    assert message in str(error.value)


def test_groups_that_are_too_deep_together_are_refused() -> None:
    def nested(depth: int, inner: Step) -> Sequence:
        member: Group | Step = inner
        for _ in range(depth):
            member = group("g", member)
        return sequence("x", member)

    family = {"C1": nested(60, step("s", "Work"))}
    assert with_children(nested(30, runs("r", "C1")), family).labels == ("1.1",)
    with pytest.raises(InvalidInput, match="more than 95 groups within one another"):
        with_children(nested(60, runs("r", "C1")), family)


def test_a_child_that_no_step_runs_is_refused() -> None:
    with pytest.raises(InvalidRequest) as error:
        with_children(parent(), {"ABC00002": CHILD, "XYZ00001": CHILD})
    assert str(error.value) == "no step runs task sequence XYZ00001; those that are run: ABC00002"


NAMES = ("C0", "C1", "C2", "C3")
MEMBERS = st.lists(st.sampled_from(("work", "group", *NAMES)), max_size=4)


def of_words(words: list[str]) -> Sequence:
    """Make a sequence: a word is a step, a group with a step, or a step that runs the child of this name."""
    made = {"work": step("w", "Work"), "group": group("g", step("w", "Work"))}
    return sequence("S", *(made.get(word) or runs("r", word) for word in words))


class Model:
    """Puts a family together in another way; ``used`` are the children that are run."""

    def __init__(self, family: dict[str, list[str]]) -> None:
        self.family, self.used = family, set[str]()

    def labels(self, words: list[str], prefix: str = "", above: tuple[str, ...] = ()) -> list[str]:
        """Return the labels of the steps; ValueError for a ring."""
        found: list[str] = []
        for number, word in enumerate(words, 1):
            if word in above:
                raise ValueError
            if word in self.family:
                self.used.add(word)
                found += self.labels(self.family[word], f"{prefix}{number}.", (*above, word))
            else:
                found.append(f"{prefix}{number}")
        return found


@given(MEMBERS, st.dictionaries(st.sampled_from(NAMES), MEMBERS, min_size=1))
def test_any_family_is_put_together_as_a_simpler_model_does(words: list[str], family: dict[str, list[str]]) -> None:
    children = {name: of_words(each) for name, each in family.items()}
    model = Model(family)
    try:
        labels = tuple(model.labels(words))
    except ValueError:
        with pytest.raises(InvalidInput, match="runs itself"):
            with_children(of_words(words), children)
        return
    if model.used != set(family):
        unused = ", ".join(name for name in family if name not in model.used)
        with pytest.raises(InvalidRequest, match=f"no step runs task sequence {unused};"):
            with_children(of_words(words), children)
        return
    made = with_children(of_words(words), children)
    assert made.labels == labels
    assert len(made.steps) == len(set(labels))
