"""Messages listed by intent are read, whatever lists them: text files, JSON, ChatterBot, pandas."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from data.errors import CorpusError
from data.loading import Loaded, read_corpus

RIGHT = [("it broke", "repair"), ("mend it", "repair"), ("opening hours?", "hours"), ("open today?", "hours")]


def found(path: Path) -> list[tuple[str, str]]:
    table = read_corpus(path, arrays=True).table
    return sorted(zip(table["message"], table["intent"], strict=True))


def said(loaded: Loaded) -> str:
    return " ".join(notice.reason for notice in loaded.notices)


@pytest.mark.parametrize(
    "name", ["{}.txt", "{}/train.txt", "{}/1.txt", "domains/shop/{}/train.txt", "a/{}.txt"]
)
def test_a_folder_of_text_files_names_its_intents(tmp_path: Path, name: str) -> None:
    for intent in ("repair", "hours"):
        path = tmp_path / name.format(intent)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{message}\r\n\r\n" for message, label in RIGHT if label == intent))
    (tmp_path / "README.txt").write_text("About this folder\n")
    assert found(tmp_path) == sorted(RIGHT)
    assert "the intents are the names of files or folders: " in said(read_corpus(tmp_path))


def test_marks_of_entities_are_text_and_lines_of_two_parts_count_once(tmp_path: Path) -> None:
    for part in ("train", "test", "testtrain_1"):
        for intent, line in (("hours", "is {Elm Street|store_name|origin} open {}?"), ("bye", "bye\nbye")):
            path = tmp_path / "domains" / "shop" / intent / f"{part}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(line)
    (tmp_path / "entities.json").write_text('{"city": ["a", "b"], "store": ["c"]}')
    assert found(tmp_path) == [("bye", "bye"), ("is Elm Street open {}?", "hours")]
    assert "not taken: 7 lines; they are repeated in another part" in said(read_corpus(tmp_path))


def test_a_folder_with_one_text_is_no_corpus_and_the_error_says_what_is(tmp_path: Path) -> None:
    (tmp_path / "messages.txt").write_text("it broke\n")
    with pytest.raises(CorpusError, match=r"texts named <intent>\.txt"):
        read_corpus(tmp_path)


GROUPS = [
    {"intent": "repair", "utterances": ["it broke", "mend it"], "answers": ["We mend it.", "No."]},
    {"tag": "hours", "patterns": ["opening hours?", "open today?"], "responses": [{"answer": "At 9."}]},
]
DOCUMENTS: dict[str, Any] = {
    "nlp.js": {"name": "shop", "locale": "en-US", "data": GROUPS},
    "tags": {"intents": GROUPS},
    "array": GROUPS,
    "mapping": {"repair": ["it broke", "mend it"], "hours": ["opening hours?", "open today?"]},
    "columns": {"text": [m for m, _ in RIGHT], "intent": [i for _, i in RIGHT]},
    "indexed columns": {
        "text": {str(n): m for n, (m, _) in enumerate(RIGHT)},
        "intent": {str(n): i for n, (_, i) in enumerate(RIGHT)},
    },
    "split": {"columns": ["text", "intent"], "index": [0, 1, 2, 3], "data": [list(row) for row in RIGHT]},
}


@pytest.mark.parametrize("form", DOCUMENTS)
def test_json_that_lists_messages_by_intent_or_columns_is_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps(DOCUMENTS[form]))
    assert found(path) == sorted(RIGHT)
    if form in ("nlp.js", "tags", "array"):
        assert read_corpus(path).replies == {"repair": "We mend it.", "hours": "At 9."}


def test_what_a_list_by_intent_does_not_teach_is_named(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps({"intents": [*GROUPS, {"tag": "empty", "patterns": []}, {"x": 1}, "y"]}))
    assert found(path) == sorted(RIGHT)
    notices = said(read_corpus(path))
    assert "1 intents without a message" in notices
    assert "2 elements of another kind" in notices
    path.write_text(json.dumps([*GROUPS, {"tag": "odd", "patterns": ["a", 5, None]}]))
    assert [problem.reason for problem in read_corpus(path).problems] == [
        "message 6: the message is not text: 5",
        "message 7: the message is empty",
    ]


def test_a_table_with_a_column_of_lists_stays_a_table(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps([{"text": m, "intent": i, "phrases": ["other"]} for m, i in RIGHT]))
    assert found(path) == sorted(RIGHT)


def test_yaml_may_be_a_mapping_of_intents_to_messages(tmp_path: Path) -> None:
    path = tmp_path / "corpus.yaml"
    path.write_text("repair:\n- it broke\n- mend it\nhours:\n- opening hours?\n- open today?\n")
    assert found(path) == sorted(RIGHT)


def test_chatterbots_conversations_teach_their_first_sentence(tmp_path: Path) -> None:
    form = "categories:\n- {}\nconversations:\n- - {}\n  - Yes.\n- - {}\n  - No.\n  - Well.\n"
    (tmp_path / "repair.yml").write_text(form.format("repair", "it broke", "mend it"))
    (tmp_path / "h.yml").write_text(form.format("hours", "opening hours?", "open today?") + "- - ''\n")
    assert found(tmp_path) == sorted(RIGHT)
    loaded = read_corpus(tmp_path)
    assert "not taken: 6 answers" in said(loaded)
    assert [(problem.line, problem.reason[:40]) for problem in loaded.problems] == [
        (9, "a conversation is a list of sentences, t")
    ]


def test_templates_of_ovos_give_messages_in_which_every_alternative_occurs(tmp_path: Path) -> None:
    (tmp_path / "weather.intent").write_text("# a comment\n(show|tell) me [the] weather in {city}\n", "utf-8")
    (tmp_path / "time.intent").write_text("what time is it\n", "utf-8")
    (tmp_path / "skill.json").write_text('{"name": "about the skill"}', "utf-8")
    loaded = read_corpus(tmp_path)
    assert not loaded.problems
    assert list(loaded.table["message"]) == [
        "what time is it",
        "show me the weather in {{city}}",
        "tell me weather in {{city}}",
    ]


def test_slots_of_ovos_get_the_values_of_their_entity_file(tmp_path: Path) -> None:
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents" / "time.intent").write_text("time in {place}\ntime in {offset} minutes\nin {x}\n")
    (tmp_path / "intents" / "day.intent").write_text("what day is it\n")
    (tmp_path / "place.entity").write_text("Oslo\n(Roma|Rome)\n")
    (tmp_path / "offset.entity").write_text("#\n##\n")
    messages = [m for m, intent in found(tmp_path) if intent == "time"]
    assert messages[0] == "in {{x}}"
    assert re.fullmatch(r"time in [1-9]{1,2} minutes", messages[1])
    assert messages[2] in ("time in Oslo", "time in Roma")


def test_of_templates_in_several_languages_english_is_read_and_no_metadata_of_the_package(
    tmp_path: Path,
) -> None:
    for name, text in (
        ("weather/locale/en-us/weather.intent", "how is the weather"),
        ("weather/locale/de-de/weather.intent", "wie ist das Wetter"),
        ("weather.egg-info/SOURCES.txt", "setup.py"),
        ("time/locale/en-GB/time.intent", "what time is it"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n", "utf-8")
    loaded = read_corpus(tmp_path)
    assert sorted(loaded.table["intent"]) == ["time", "weather"]
    assert list(loaded.table["message"]) == ["what time is it", "how is the weather"]
    assert "not taken: 1 files of templates in other languages (de)" in said(loaded)


def test_botpress_is_read_in_one_language_with_its_answers(tmp_path: Path) -> None:
    book = {"name": "book", "utterances": {"fr": ["un vol"], "en": ["book [Rome](city)", "fly me there"]}}
    hours = {"questions": {"en": ["when are you open"]}, "answers": {"en": ["At 9."], "fr": ["A 9 h."]}}
    (tmp_path / "book.json").write_text(json.dumps(book))
    (tmp_path / "hours.json").write_text(json.dumps({"id": "hours", "data": hours}))
    assert found(tmp_path) == [
        ("book Rome", "book"),
        ("fly me there", "book"),
        ("when are you open", "hours"),
    ]
    loaded = read_corpus(tmp_path)
    assert loaded.replies == {"hours": "At 9."}
    assert "not taken: 1 messages in other languages" in said(loaded)


def test_botpress_names_an_intent_before_utterances(tmp_path: Path) -> None:
    (tmp_path / "hello.utterances.txt").write_text("hi\n")
    (tmp_path / "none.utterances.txt").write_text("abcdefg\n")
    assert found(tmp_path) == [("abcdefg", "out_of_scope"), ("hi", "hello")]


def test_a_notice_about_a_code_page_shows_no_words_where_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_bytes(
        "text,label\nit cost £5 – too much,a\nhi there,b\n".encode("cp1252")
    )
    notice = str(read_corpus(tmp_path / "corpus.csv").notices[0])
    assert "Windows-1252" in notice
    assert "with words such as" not in notice
