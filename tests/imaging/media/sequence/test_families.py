"""Choosing among the task sequences of media, and putting those together that run each other."""

from __future__ import annotations

import pytest
from osdimage.imaging.errors import InvalidInput, InvalidRequest
from osdimage.imaging.media.sequence.families import MediaSequence, chosen, with_family
from osdimage.imaging.tasksequence.forms.build import sequence, step
from osdimage.imaging.tasksequence.sequence import Step


def media_sequence(identifier: str, name: str, *steps: Step) -> MediaSequence:
    return MediaSequence(identifier, name, sequence(name, *steps))


def runs(identifier: str) -> Step:
    return step(f"run {identifier}", "SMS_TaskSequence_SubTasksequence", properties={"TsPackageID": identifier})


SET = step("set", "SetVariable", properties={"VariableName": "A"})
CLIENT, SERVER = media_sequence("TS1", "Client", SET), media_sequence("TS2", "Server", SET)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param("TS2", SERVER, id="by its ID"),
        pytest.param("ts1", CLIENT, id="in another case"),
        pytest.param("server", SERVER, id="by its name"),
    ],
)
def test_a_sequence_is_chosen_by_its_id_or_its_name(wanted: str, found: MediaSequence) -> None:
    assert chosen([CLIENT, SERVER], wanted) is found


def test_the_only_sequence_needs_no_choice() -> None:
    assert chosen([CLIENT], None) is CLIENT


def test_an_id_comes_before_the_name_of_another() -> None:
    other = media_sequence("Client", "x", SET)
    assert chosen([CLIENT, other], "client") is other


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        pytest.param(None, r"say which .*: TS1 \('Client'\), TS2 \('Server'\), TS3 \('Server'\)", id="none of several"),
        pytest.param("TS9", "no sequence 'TS9'; on them are: TS1", id="one that is not there"),
        pytest.param("Server", "2 sequences of the name 'Server'; valid is an ID", id="a name of two"),
    ],
)
def test_what_there_is_is_told_where_the_choice_is_not_clear(wanted: str | None, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        chosen([CLIENT, SERVER, media_sequence("TS3", "Server", SET)], wanted)


def test_children_and_their_children_come_from_the_media_and_others_stay_out() -> None:
    media = [
        media_sequence("TS1", "Parent", SET, runs("ts2"), runs("TS9")),
        media_sequence("TS2", "Child", runs("TS3")),
        media_sequence("TS3", "Grandchild", SET, SET),
        media_sequence("TS4", "Another", SET),
    ]
    # "12.3 is the third step of the child that step 12 runs"; TS9 is not on the media, and stays a step.
    assert with_family(media[0], media).labels == ("1", "2.1.1", "2.1.2", "3")
    assert with_family(media[3], media).labels == ("1",)


def test_sequences_that_run_each_other_are_refused() -> None:
    media = [media_sequence("TS1", "a", runs("TS2")), media_sequence("TS2", "b", runs("TS1"))]
    with pytest.raises(InvalidInput, match="a task sequence runs itself: TS2 runs TS1 runs TS2"):
        with_family(media[0], media)
