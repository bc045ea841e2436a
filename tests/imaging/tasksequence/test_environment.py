"""The variables of a task sequence.

The rules are those of "About Task Sequence Variables" (Operating System Deployment in Configuration Manager 2007); the
examples of valid and invalid names are its own.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidRequest, ReadOnlyVariable
from osdimage.imaging.tasksequence.environment import MAX_ENVIRONMENT_BYTES, Environment
from osdimage.imaging.tasksequence.layers import CollectionVariables, Origin

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("MyVariable", id="letters"),
        pytest.param("My_Variable", id="underscore"),
        pytest.param("My_Variable_2", id="digit"),
        pytest.param("a-b", id="hyphen"),
        pytest.param("x", id="one character"),
        pytest.param("x" * 256, id="256 characters"),
    ],
)
def test_a_valid_name_can_be_set(name: str) -> None:
    env = Environment()
    env[name] = "value"
    assert env[name.upper()] == env[name.lower()] == "value"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("1Variable", id="digit first"),
        pytest.param("MyV@riable", id="other character"),
        pytest.param("-a", id="hyphen first"),
        pytest.param("", id="empty"),
        pytest.param("x" * 257, id="257 characters"),
        pytest.param("My Variable", id="space"),
        pytest.param(" MyVariable", id="leading space"),
        pytest.param("MyVariable ", id="trailing space"),
        pytest.param("MyVariable\n", id="line end"),
        pytest.param("Größe", id="letter beyond ASCII"),
        pytest.param("A%B", id="percent sign"),
    ],
)
def test_an_invalid_name_is_refused_everywhere(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is not the name of a variable"):
        Environment()[name] = "x"
    for given_as in ({"computer": {name: "x"}}, {"media": {name: "x"}}, {"sequence": {name: "x"}}):
        with pytest.raises(InvalidRequest, match="is not the name of a variable"):
            Environment(**given_as)  # type: ignore[arg-type] # one of three keywords
    with pytest.raises(InvalidRequest), Environment().step_defaults({name: "x"}):
        pass


def test_the_banner_of_the_progress_window_is_set_by_anybody() -> None:
    # ZTIGather.xml: id="_SMSTSORGNAME" description="Customizes the Task Sequencer engine's display banner."
    env = Environment(computer={"_SMSTSOrgName": "of the computer"})
    env["_SMSTSORGNAME"] = "of a step"
    assert env["_smstsorgname"] == "of a step"
    assert Environment.from_document(env.to_document(), source="x")["_SMSTSOrgName"] == "of a step"
    del env["_SMSTSOrgName"]
    assert "_SMSTSOrgName" not in env


def test_a_name_with_an_underscore_first_is_set_by_the_engine_alone() -> None:
    env = Environment()
    with pytest.raises(ReadOnlyVariable, match="_SMSTSInWinPE is read-only"):
        env["_SMSTSInWinPE"] = "false"
    env.set_read_only("_SMSTSInWinPE", "true")
    with pytest.raises(ReadOnlyVariable):
        del env["_SMSTSInWinPE"]
    with pytest.raises(ReadOnlyVariable):
        Environment(computer={"_SMSTSInWinPE": "x"})
    assert env["_smstsinwinpe"] == "true"
    assert env.origin("_SMSTSInWinPE") is Origin.ENGINE
    env.set_read_only("_SMSTSInWinPE", "")
    assert "_SMSTSInWinPE" not in env


@pytest.mark.parametrize("name", ["MyVariable", "_", "_a b"])
def test_the_engine_sets_only_valid_read_only_names(name: str) -> None:
    if name == "_":
        Environment().set_read_only(name, "x")
        return
    with pytest.raises(InvalidRequest):
        Environment().set_read_only(name, "x")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x" * 4000, id="4,000 characters"),
        pytest.param("\U0001f600" * 2000, id="4,000 UTF-16 units"),
        pytest.param("a\r\n\tb", id="line ends"),
        pytest.param(" ", id="a space is not empty"),
    ],
)
def test_a_valid_value_is_kept_to_the_letter(value: str) -> None:
    env = Environment()
    env["A"] = value
    assert env["A"] == value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        pytest.param("x" * 4001, "at most 4,000 characters, not 4,001", id="4,001 characters"),
        pytest.param("\U0001f600" * 2001, "not 4,002", id="4,002 UTF-16 units"),
        pytest.param("a\0b", "NUL", id="NUL"),
    ],
)
def test_an_invalid_value_is_refused_and_not_quoted(value: str, why: str) -> None:
    env = Environment()
    env["OSDJoinPassword"] = "old"
    with pytest.raises(InvalidRequest, match=why) as caught:
        env["OSDJoinPassword"] = value
    assert value not in str(caught.value)
    assert env["OSDJoinPassword"] == "old"


def test_the_environment_holds_ten_megabytes_of_utf_16_and_not_a_byte_more() -> None:
    env = Environment()
    # 2 bytes each: 4 characters of the name and 3,996 of the value make 8,000 bytes.
    whole, rest = divmod(MAX_ENVIRONMENT_BYTES, 8000)
    for index in range(whole):
        env[f"v{index:03x}"] = "x" * 3996
    last = "w" * 3
    env[last] = "x" * (rest // 2 - 3)
    with pytest.raises(InvalidRequest, match=r"would have 10,485,76\d bytes; it may have 10,485,760"):
        env["z"] = "y"
    with pytest.raises(InvalidRequest), env.step_defaults({"z": "y"}):
        pass
    del env[last]
    env["z"] = "y"
    with env.step_defaults({"q": "y" * 100}):
        assert env["q"]


def test_what_a_step_added_is_free_again_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osdimage.imaging.tasksequence.environment.MAX_ENVIRONMENT_BYTES", 20_000)
    env = Environment()
    for _ in range(6):
        with env.step_defaults({"A": "x" * 4000}):
            assert "A" in env
    assert len(env) == 0


def test_an_empty_value_deletes() -> None:
    env = Environment(computer={"A": "1"})
    env["a"] = ""
    assert "A" not in env
    assert env.get("A") is None
    assert list(env) == []
    with pytest.raises(KeyError):
        env["A"]
    with pytest.raises(KeyError):
        del env["A"]


def test_the_layers_have_the_documented_precedence() -> None:
    env = Environment(
        computer={"A": "computer", "B": "computer"},
        collections=[
            CollectionVariables({"B": "low", "C": "low", "D": "low"}, precedence=1),
            CollectionVariables({"B": "high", "C": "high"}, precedence=9),
            CollectionVariables({"C": "middle", "D": "middle"}, precedence=5),
        ],
        sequence={"D": "sequence", "E": "sequence"},
    )
    env["A"] = "set"
    with env.step_defaults(dict.fromkeys("ABCDEF", "step")):
        assert {name: env[name] for name in "ABCDEF"} == {
            "A": "set", "B": "computer", "C": "high", "D": "middle", "E": "sequence", "F": "step",
        }  # fmt: skip
        assert [env.origin(name) for name in "ABCDEF"] == [
            Origin.SET, Origin.COMPUTER, Origin.COLLECTION, Origin.COLLECTION, Origin.SEQUENCE, Origin.STEP,
        ]  # fmt: skip
    assert "F" not in env
    assert env.origin("F") is None


def test_of_collections_with_one_precedence_the_later_wins() -> None:
    env = Environment(collections=[CollectionVariables({"A": "1"}, 3), CollectionVariables({"A": "2"}, 3)])
    assert env["A"] == "2"


@pytest.mark.parametrize("precedence", [0, 10, -1])
def test_a_collection_has_a_precedence_of_1_to_9(precedence: int) -> None:
    with pytest.raises(InvalidRequest, match=r"1 \(lowest\) to 9 \(highest\)"):
        CollectionVariables({}, precedence)


@pytest.mark.parametrize("media", [{"A": "media"}, {}])
def test_media_variables_replace_those_of_computer_and_collections(media: dict[str, str]) -> None:
    env = Environment(
        computer={"A": "1", "B": "1"}, collections=[CollectionVariables({"C": "1"})], media=media, sequence={"D": "1"}
    )
    assert dict(env) == {**media, "D": "1"}
    assert env.is_from_media
    assert not Environment(computer={"A": "1"}).is_from_media


def test_an_empty_value_of_a_stronger_layer_deletes_that_of_a_weaker_one_but_not_the_default_of_the_step() -> None:
    env = Environment(computer={"A": ""}, collections=[CollectionVariables({"A": "x"})])
    assert "A" not in env
    with env.step_defaults({"A": "default"}):
        assert env["A"] == "default"


def test_names_that_differ_only_by_case_are_refused_in_one_source() -> None:
    with pytest.raises(InvalidRequest, match="given twice"):
        Environment(computer={"A": "1", "a": "2"})


@given(
    layers=st.lists(st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["", "1", "2"])), min_size=4, max_size=4),
    name=st.sampled_from("abc"),
)
def test_the_first_layer_that_mentions_a_name_decides(layers: list[dict[str, str]], name: str) -> None:
    computer, high, low, step = layers
    env = Environment(computer=computer, collections=[CollectionVariables(low, 2), CollectionVariables(high, 8)])
    mentioned = next((layer[name.upper()] for layer in (computer, high, low) if name.upper() in layer), "")
    with env.step_defaults(step):
        assert env.get(name, "") == (mentioned or step.get(name.upper(), ""))
    assert env.get(name, "") == mentioned


def test_step_defaults_live_for_one_step_and_go_when_it_fails() -> None:
    env = Environment()
    env["B"] = "set"

    def fail() -> None:
        with env.step_defaults({"A": "1", "B": "default"}, {"ImagePackageID": "ABC00001"}):
            assert (env["A"], env["B"]) == ("1", "set")
            assert env.properties["imagepackageid"] == "ABC00001"
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - any
        fail()
    assert "A" not in env
    assert not env.properties
    assert "ImagePackageID" not in env


# The export forevanyeung/tasksequences 5d3c7bd: <variable name="_SMSClientPackageID" property="ClientPackageID">.
def test_a_default_of_a_step_may_have_a_name_that_the_engine_alone_sets() -> None:
    env = Environment()
    with env.step_defaults({"_SMSClientPackageID": "ABC00254"}):
        assert env["_SMSClientPackageID"] == "ABC00254"
        env.set_read_only("_SMSClientPackageID", "ABC00001")
        assert env["_SMSClientPackageID"] == "ABC00001"
    env.set_read_only("_SMSClientPackageID", "")
    assert "_SMSClientPackageID" not in env


def test_what_a_step_sets_outlives_its_default() -> None:
    env = Environment()
    with env.step_defaults({"A": "default"}):
        env["A"] = "set"
    assert env["A"] == "set"


def test_defaults_and_properties_are_expanded_when_the_step_begins() -> None:
    env = Environment(computer={"Index": "3"})
    with env.step_defaults({"OSDImageIndex": "%index%"}, {"ImagePackageID": "P%Index%"}):
        assert env["OSDImageIndex"] == "3"
        assert env.properties["ImagePackageID"] == "P3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%A%", "1"),
        ("%a%%B%", "1two"),
        ("x%A%y", "x1y"),
        ("%Unknown%", "%Unknown%"),
        ("%Unknown%A%", "%Unknown1"),
        ("100%", "100%"),
        ("%%", "%%"),
        ("%%A%%", "%1%"),
        ("% A%", "% A%"),
        ("%Nested%", "%A%"),
        ("", ""),
    ],
)
def test_references_are_replaced_once_and_unknown_ones_stay(text: str, expected: str) -> None:
    env = Environment(computer={"A": "1", "B": "two", "Nested": "%A%"})
    assert env.expand(text) == expected


def test_text_is_the_value_with_its_references_replaced() -> None:
    env = Environment(computer={"OSDComputerName": "%Site%-1", "Site": "ABC"})
    assert env.text("osdcomputername") == "ABC-1"
    assert env.text("other") is None


@given(st.text(alphabet="%ABx ", max_size=30))
def test_text_without_known_names_is_left_alone(text: str) -> None:
    assert Environment(computer={"Other": "1"}).expand(text) == text


@given(st.lists(st.one_of(st.sampled_from(["%V1%", "%v2%"]), st.text(alphabet="abc ", max_size=3))))
def test_known_references_in_plain_text_are_all_replaced(parts: list[str]) -> None:
    env = Environment(computer={"V1": "one", "V2": "two"})
    expected = "".join({"%V1%": "one", "%v2%": "two"}.get(part, part) for part in parts)
    assert env.expand("".join(parts)) == expected


def test_an_array_gives_its_elements_with_their_properties() -> None:
    # The example of the ConfigMgr SDK, "How to Use Task Sequence Variables in a Running Configuration Manager Task
    # Sequence": two partitions.
    env = Environment(
        computer={
            "OSDPartitions": "2",
            "OSDPartitions0Type": "Primary",
            "OSDPartitions0FileSystem": "NTFS",
            "osdpartitions1type": "Extended",
            "OSDPartitions2Type": "beyond",
            "OSDPartitions01Type": "no number",
            "OSDPartitionsX": "no number",
        }
    )
    first, second = env.array("OSDPartitions")
    assert dict(first) == {"Type": "Primary", "FileSystem": "NTFS"}
    assert second["TYPE"] == "Extended"
    assert second.get("FileSystem") is None
    assert "Extended" not in repr(second)


def test_an_array_without_a_count_ends_with_its_last_element() -> None:
    env = Environment(computer={"A0X": "1", "A2X": "3"})
    assert [dict(each) for each in env.array("A")] == [{"X": "1"}, {}, {"X": "3"}]
    assert env.array("B") == ()


@pytest.mark.parametrize("count", ["x", "-1", "5000", "99999999999", "1.5"])
def test_a_count_that_is_none_is_refused(count: str) -> None:
    with pytest.raises(InvalidRequest, match="the count of elements"):
        Environment(computer={"A": count}).array("A")


def test_it_is_a_mapping() -> None:
    env = Environment(computer={"B": "1"})
    env.update({"A": "2"})
    assert env.setdefault("a", "3") == "2"
    assert dict(env) == {"A": "2", "B": "1"}
    assert len(env) == 2
    assert 5 not in env
    assert env.pop("A") == "2"
    assert repr(env) == "<Environment of 1 variables>"
