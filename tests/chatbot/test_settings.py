"""Settings: a misspelt variable is refused with the closest name instead of being ignored."""

from __future__ import annotations

import pytest
from pydantic_settings import BaseSettings

from chatbot.errors import SettingError
from chatbot.settings import COMPONENTS, HandoffSettings, LogSettings, ServiceSettings
from chatbot.settings.base import unknown_variables


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("CHATBOT_UPLAOD_PART_ROWS", "CHATBOT_UPLOAD_PART_ROWS"),
        ("CHATBOT_PROT", "CHATBOT_PORT"),
        ("CHATBOT_KEEP_RECORDS_DAYS", "CHATBOT_RETENTION_RECORDS_DAYS"),
    ],
)
def test_a_misspelt_or_renamed_variable_is_refused_with_the_closest_name(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingError, match=f"{variable} is not a setting: did you mean {meant}"):
        LogSettings()


def test_every_setting_a_slot_of_an_own_corpus_and_other_programs_variables_are_accepted() -> None:
    known = [
        f"{component.model_config['env_prefix']}{name}".upper()
        for component in COMPONENTS
        for name in component.model_fields
    ]
    assert unknown_variables([*known, "CHATBOT_SLOT_WAREHOUSE", "PATH", "SUPPORT_CHATBOT_API_PORT"]) == []


def test_an_invalid_value_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_PORT", "three thousand")
    monkeypatch.setenv("CHATBOT_MAX_BATCH", "0")
    with pytest.raises(
        SettingError,
        match=r"CHATBOT_PORT='three thousand': .*; CHATBOT_MAX_BATCH='0': .*at least 1 and at most 1024\)",
    ):
        ServiceSettings()


@pytest.mark.parametrize(
    "variable",
    ["CHATBOT_UI_API_URL", "CHATBOT_LOOP_PUSHGATEWAY", "CHATBOT_DRIFT_API_URL", "CHATBOT_STORE_ENDPOINT"],
)
def test_an_address_without_its_scheme_is_refused_at_start(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chat page said for ever that the bot cannot be reached."""
    component = next(c for c in COMPONENTS if variable in c.variables())
    monkeypatch.setenv(variable, "https://bot.example.com:3000/api")
    component()
    monkeypatch.setenv(variable, "bot.example.com:3000")
    with pytest.raises(SettingError, match=f"{variable}='bot.example.com:3000'"):
        component()


def test_a_first_delay_above_the_greatest_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_HANDOFF_RETRY_SECONDS", "60")
    assert HandoffSettings().retry_seconds == 60
    monkeypatch.setenv("CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS", "30")
    with pytest.raises(
        SettingError, match=r"RETRY_SECONDS=60.* is above CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS=30"
    ):
        HandoffSettings()


def test_a_conversation_that_may_span_more_than_a_day_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure searches the handoffs of a message's day and of the next for its turns."""
    monkeypatch.setenv("CHATBOT_HANDOFF_TURNS", "24")
    assert HandoffSettings().turns == 24
    monkeypatch.setenv("CHATBOT_HANDOFF_SESSION_MINUTES", "61")
    with pytest.raises(
        SettingError, match=r"TURNS=24 times CHATBOT_HANDOFF_SESSION_MINUTES=61.* above a day"
    ):
        HandoffSettings()


@pytest.mark.parametrize("component", COMPONENTS)
def test_no_number_is_infinite_undefined_or_too_large_for_a_timer(
    component: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, field in component.model_fields.items():
        if field.annotation not in (int, float):
            continue
        variable = f"{component.model_config['env_prefix']}{name}".upper()
        for value in ("nan", "inf", "-inf", "1e308", "9" * 30):
            monkeypatch.setenv(variable, value)
            with pytest.raises(SettingError, match=variable):
                component()
        monkeypatch.delenv(variable)
