"""The page's texts: one file a language, all with the same keys, none missing and none too many."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
import yaml

from chatbot.errors import SettingError
from chatbot.settings import ChatPageSettings, SlotSettings
from ui.chat import texts

UI = Path(texts.__file__).resolve().parents[1]
VALUES = {"seconds", "length", "limit", "title"}


def entries(language: str) -> dict[str, str]:
    return texts.flatten(yaml.safe_load((texts.FOLDER / f"{language}.yaml").read_text(encoding="utf-8")))


def slots(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def asked_for() -> set[str]:
    """Every key that code and templates ask for, as a pattern: `"sure." ~ level` asks for all of `sure.*`."""
    files = [*(UI / "chat").glob("*.py"), *(UI / "chat").glob("*.j2")]
    code = "\n".join(file.read_text(encoding="utf-8") for file in files)
    keys = set(re.findall(r"""["']([a-z_]+(?:\.(?:[a-z_]|\{[a-z.]+\})+)+)["']""", code))
    keys |= {f"{group}.{{name}}" for group in re.findall(r"""["']([a-z_]+)\.["'] ~""", code)}
    groups = {key.split(".")[0] for key in entries("en")}
    return {
        re.sub(r"\\\{[\w\\.]+\\\}", r"\\w+", re.escape(key)) for key in keys if key.split(".")[0] in groups
    }


@pytest.mark.parametrize("language", texts.languages())
def test_every_language_has_the_same_texts(language: str) -> None:
    assert entries(language).keys() == entries("en").keys()


@pytest.mark.parametrize("language", texts.languages())
def test_a_translation_names_the_same_values(language: str) -> None:
    english = entries("en")
    for key, text in entries(language).items():
        assert slots(text) & VALUES == slots(english[key]) & VALUES, key


@pytest.mark.parametrize("language", texts.languages())
def test_every_text_can_be_shown_with_the_settings_as_they_come(language: str) -> None:
    t = texts.load(language, SlotSettings().values())
    for key in entries(language):
        shown = t(key, **dict.fromkeys(VALUES, 3))
        assert shown.strip(), key
        assert not set("{}") & set(shown), key
    assert t.language == language


def test_the_page_asks_for_no_text_that_is_missing() -> None:
    known = entries("en")
    missing = [key for key in asked_for() if not any(re.fullmatch(key, entry) for entry in known)]
    assert not missing


def test_no_text_is_unused() -> None:
    patterns = asked_for() | {r"language", r"person_message"}
    assert not [key for key in entries("en") if not any(re.fullmatch(pattern, key) for pattern in patterns)]


def test_the_default_language_has_a_file() -> None:
    assert ChatPageSettings.model_fields["language"].default in texts.languages()


def test_a_language_without_a_file_is_named_with_those_there_are() -> None:
    with pytest.raises(SettingError, match=r"CHATBOT_UI_LANGUAGE=xx: there are de, en"):
        texts.load("xx", {})


@pytest.mark.parametrize("content", ["a: [1, 2]", "a: 3", "- a", "a: {", ""])
def test_a_file_that_holds_no_texts_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "en.yaml").write_text(content)
    with pytest.raises(SettingError, match=r"en\.yaml is not a file of texts"):
        texts.load("en", {}, tmp_path)
