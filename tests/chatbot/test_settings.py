"""Settings: a misspelt variable is refused with the closest name instead of being ignored."""

from __future__ import annotations

import pytest
from pydantic_settings import BaseSettings

from chatbot.errors import SettingError
from chatbot.settings import COMPONENTS, LogSettings, ServiceSettings
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
