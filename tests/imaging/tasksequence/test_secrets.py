"""Which variables are secret, and that their values are masked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from osdimage.imaging.errors import InvalidRequest
from osdimage.imaging.tasksequence.environment import Environment


@pytest.mark.parametrize(
    "name",
    [
        "OSDJoinPassword", "OSDLocalAdminPassword", "osdcaptureaccountpassword", "OSDProductKey", "ProductKey",
        "OverrideProductKey", "OSDBitLockerStartupKey", "OSDBitLockerRecoveryPassword", "BDEPin", "_SMSTSReserved2-000",
        "SMSConnectNetworkFolderPassword", "MyApiKey",
    ],
)  # fmt: skip
def test_passwords_and_keys_are_secret_by_their_names(name: str) -> None:
    assert Environment().is_secret(name)


@pytest.mark.parametrize("name", ["OSDComputerName", "OSDRandomAdminPassword", "OSDImageIndex", "KeyboardLocale"])
def test_other_variables_are_not(name: str) -> None:
    assert not Environment().is_secret(name)


def test_secrets_are_masked_wherever_they_stand_even_after_they_changed() -> None:
    env = Environment(computer={"OSDJoinPassword": "Pa$$w0rd", "Plain": "contains Pa$$w0rd"}, hidden=["Code"])
    env["Code"] = "swordfish"
    env["OSDJoinPassword"] = "other-one"
    with env.step_defaults({"OSDLocalAdminPassword": "of the step"}, {"ProductKey": "AAAAA-BBBBB"}):
        pass
    env.keep_secret("encoded")
    text = "Pa$$w0rd swordfish other-one, of the step; AAAAA-BBBBB encoded end"
    assert env.mask(text) == "*** *** ***, ***; *** *** end"
    assert env.shown() == {"Code": "***", "OSDJoinPassword": "***", "Plain": "contains ***"}
    assert "Pa$$w0rd" not in repr(env)
    assert env["OSDJoinPassword"] == "other-one"


def test_a_secret_that_is_made_of_another_variable_is_masked_too() -> None:
    env = Environment(computer={"OSDJoinPassword": "%Pw%!", "Pw": "swordfish"})
    assert env.text("OSDJoinPassword") == "swordfish!"
    assert env.mask("joined with swordfish!") == "joined with ***"


def test_hiding_a_variable_masks_the_value_that_it_has() -> None:
    env = Environment(computer={"Code": "swordfish"})
    assert env.mask("swordfish") == "swordfish"
    env.hide("CODE")
    assert env.mask("swordfish") == env.shown()["Code"] == "***"
    with pytest.raises(InvalidRequest):
        env.hide("a b")


def test_a_secret_of_one_letter_does_not_garble_words_and_a_common_word_is_not_searched_for() -> None:
    env = Environment(hidden=["A", "B"])
    env["A"] = "e"
    env["B"] = "true"
    assert env.mask("the letter e is true") == "the letter *** is true"
    assert env.shown() == {"A": "***", "B": "***"}


@pytest.mark.slow
@given(st.text(min_size=3, max_size=8), st.text(max_size=10), st.text(max_size=10))
def test_no_masked_text_holds_the_secret(secret: str, before: str, after: str) -> None:
    env = Environment()
    env.keep_secret(secret)
    masked = env.mask(before + secret + after)
    if secret.lower() not in {"true", "false", "yes"} and not set(secret) <= {"*"}:
        assert secret not in masked.replace("***", "\0")
