"""Variants of exports: other versions of a product, parts of an export, and the folders in which people keep them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data.errors import CorpusError
from data.loading import Loaded, read_corpus

INTENTS = {"refund": ["i want my money", "pay me back"], "cancel": ["stop it", "no order any more"]}
RIGHT = sorted((message, intent) for intent, messages in INTENTS.items() for message in messages)


def found(loaded: Loaded) -> list[tuple[str, str]]:
    assert not loaded.problems
    return sorted(zip(loaded.table["message"], loaded.table["intent"], strict=True))


def put(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def lex_intent(name: str, utterances: list[str]) -> dict[str, Any]:
    return {"name": name, "version": "1", "sampleUtterances": utterances, "slots": []}


def test_an_intent_that_lex_v1_exports_alone_is_read(tmp_path: Path) -> None:
    for name, utterances in INTENTS.items():
        metadata = {"schemaVersion": "1.0", "importType": "LEX"}
        document = {"metadata": metadata, "resource": lex_intent(name, utterances)}
        put(tmp_path / f"{name}.json", document)
    assert found(read_corpus(tmp_path)) == RIGHT


def test_the_slots_of_a_lex_utterance_are_placeholders(tmp_path: Path) -> None:
    intents = [lex_intent("track", ["where is {OrderNumber}", "to {DeliveryCity} {x y} please"])]
    loaded = read_corpus(put(tmp_path / "lex.json", {"resource": {"intents": intents}}))
    assert loaded.table["message"].tolist() == [
        "where is {{order number}}",
        "to {{delivery city}} {x y} please",
    ]


def test_all_bots_of_a_lex_v2_folder_are_read_in_one_language(tmp_path: Path) -> None:
    for bot, (name, utterances) in zip("AB", INTENTS.items(), strict=True):
        for language in ("de_DE", "en_US"):
            locale = tmp_path / bot / "BotLocales" / language
            put(locale / "BotLocale.json", {"identifier": language})
            samples = [{"utterance": text if language == "en_US" else f"{text}!"} for text in utterances]
            put(locale / "Intents" / name / "Intent.json", {"name": name, "sampleUtterances": samples})
    loaded = read_corpus(tmp_path)
    assert found(loaded) == RIGHT
    assert "not taken: 2 locales (de_DE, de_DE)" in str(loaded.notices[0])


def dialogflow(folder: Path, *, template: bool = False) -> Path:
    put(folder / "agent.json", {"language": "en"})
    for name, messages in INTENTS.items():
        put(folder / "intents" / f"{name}.json", {"name": name})
        phrases: list[Any] = [{"data": [{"text": message}], "isTemplate": False} for message in messages]
        if template:
            phrases = [{"data": [{"text": "to @sys.geo-city:city for @me"}], "isTemplate": True}]
        put(folder / "intents" / f"{name}_usersays_en.json", phrases)
    return folder


def test_an_unpacked_agent_is_found_below_the_folder_that_is_given(tmp_path: Path) -> None:
    dialogflow(tmp_path / "download" / "my-agent")
    (tmp_path / "download" / "note.txt").write_text("from the console")
    assert found(read_corpus(tmp_path)) == RIGHT
    (tmp_path / "more.csv").write_text("message,intent\na b,refund\n")
    left = [notice.file for notice in read_corpus(tmp_path).notices if notice.reason.startswith("not taken")]
    assert any(
        file.endswith("refund.json") for file in left
    )  # more than an agent: nothing is left out in silence


def test_the_slots_of_a_dialogflow_template_are_placeholders(tmp_path: Path) -> None:
    loaded = read_corpus(dialogflow(tmp_path / "agent", template=True))
    assert set(loaded.table["message"]) == {"to {{city}} for @me"}


def test_a_cx_reply_is_in_the_agents_language_and_may_be_in_a_route_group(tmp_path: Path) -> None:
    put(tmp_path / "agent.json", {"defaultLanguageCode": "en"})
    for name, messages in INTENTS.items():
        put(tmp_path / "intents" / name / f"{name}.json", {"displayName": name})
        phrases = [{"parts": [{"text": message}]} for message in messages]
        put(tmp_path / "intents" / name / "trainingPhrases" / "en.json", {"trainingPhrases": phrases})

    def route(intent: str) -> dict[str, Any]:
        said = [{"text": {"text": [f"{intent} {code}"]}, "languageCode": code} for code in ("de", "en")]
        return {"transitionRoutes": [{"intent": intent, "triggerFulfillment": {"messages": said}}]}

    put(tmp_path / "flows" / "Start" / "Start.json", route("refund"))
    put(tmp_path / "flows" / "Start" / "transitionRouteGroups" / "g.json", route("cancel"))
    assert read_corpus(tmp_path).replies == {"refund": "refund en", "cancel": "cancel en"}


def test_a_rasa_response_for_one_channel_is_the_reply_only_where_it_is_the_only_one(tmp_path: Path) -> None:
    domain = "responses:\n  utter_a:\n  - {text: Slack., channel: slack}\n  - text: All.\n"
    domain += "  utter_b:\n  - {text: Only., channel: slack}\n"
    nlu = "nlu:\n- intent: a\n  examples: |\n    - one\n- intent: b\n  examples: |\n    - two\n"
    (tmp_path / "domain.yml").write_text(nlu + domain)
    assert read_corpus(tmp_path / "domain.yml").replies == {"a": "All.", "b": "Only."}


def test_what_a_watson_action_says_first_is_the_reply_unless_it_asks(tmp_path: Path) -> None:
    def action(number: int, title: str, **step: Any) -> dict[str, Any]:
        return {"title": title, "condition": {"intent": f"i{number}"}, "steps": [step]}

    def says(*words: dict[str, Any]) -> dict[str, Any]:
        texts = [{"text_expression": {"concat": [*words]}}]
        return {"generic": [{"response_type": "text", "values": texts}]}

    actions = [
        action(1, "Refund", output=says({"scalar": "It is "}, {"scalar": "coming."})),
        action(2, "Cancel", output=says({"scalar": "Hello "}, {"variable": "name"})),
        action(3, "Track", output=says({"scalar": "Which order?"}), question={"free_text": True}),
    ]
    intents = [{"intent": f"i{n}", "examples": [{"text": f"words {n}"}]} for n in (1, 2, 3)]
    path = put(tmp_path / "action.json", {"workspace": {"intents": intents, "actions": actions}})
    loaded = read_corpus(path)
    assert loaded.replies == {"Refund": "It is coming."}
    assert set(loaded.table["intent"]) == {"Refund", "Cancel", "Track"}


def test_every_kind_of_entity_of_luis_is_counted(tmp_path: Path) -> None:
    utterances = [{"text": text, "intent": intent} for text, intent in RIGHT]
    kinds = ("entities", "closedLists", "composites", "regex_entities", "prebuiltEntities", "phraselists")
    document = {"luis_schema_version": "7.0.0", "utterances": utterances} | {
        kind: [{"name": kind}] for kind in kinds
    }
    loaded = read_corpus(put(tmp_path / "luis.json", document))
    assert found(loaded) == RIGHT
    assert "not taken: 6 entities" in str(loaded.notices[0])


@pytest.mark.parametrize(
    "document",
    [
        {"intents": [{"name": i, "utterances": [{"text": m} for m in ms]} for i, ms in INTENTS.items()]},
        {i: {"examples": ms, "responses": [f"{i}!"]} for i, ms in INTENTS.items()},
        {i: {"utterances": [{"text": m, "lang": "en"} for m in ms]} for i, ms in INTENTS.items()},
        [[m, i] for m, i in RIGHT],
    ],
)
def test_lists_of_messages_of_more_forms_are_read(tmp_path: Path, document: Any) -> None:
    assert found(read_corpus(put(tmp_path / "bot.json", document), arrays=True)) == RIGHT


def test_parts_of_a_table_and_of_a_conversation_are_not_intents(tmp_path: Path) -> None:
    rows = [{"text": message, "intent": intent} for message, intent in RIGHT]
    table = put(tmp_path / "parts.json", {"train": rows[:2], "test": rows[2:]})
    assert found(read_corpus(table, arrays=True)) == RIGHT
    chats = [{"id": "1", "messages": [{"text": "hi", "user": "U1", "ts": "1"}, {"text": "yo", "user": "U2"}]}]
    with pytest.raises(CorpusError):
        read_corpus(put(tmp_path / "chats.json", {"chats": chats}), arrays=True)


def test_a_json_object_of_texts_is_told_where_replies_go(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="replies go to --replies"):
        read_corpus(put(tmp_path / "texts.json", {"refund": "One.", "cancel": "Two."}), arrays=True)


NAMES = sorted(INTENTS)
CLASS_LABEL = {"names": NAMES, "_type": "ClassLabel"}


def arrow(path: Path, columns: dict[str, Any], label: Any = None) -> None:
    table = pa.table(columns)
    if label is not None:
        features = {"info": {"features": {"label": label}}}
        table = table.replace_schema_metadata({b"huggingface": json.dumps(features).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)


def dataset(folder: Path, label: Any = CLASS_LABEL, *, nested: bool = False, **state: Any) -> Path:
    numbers: list[Any] = [NAMES.index(intent) for _, intent in RIGHT]
    columns = {"text": [text for text, _ in RIGHT], "label": [[n] for n in numbers] if nested else numbers}
    arrow(folder / "dataset.arrow", columns, label)
    put(folder / "state.json", {"_data_files": [{"filename": "dataset.arrow"}], **state})
    return folder


@pytest.mark.parametrize(
    "label",
    [
        {"feature": CLASS_LABEL, "length": -1, "_type": "Sequence"},
        {"feature": CLASS_LABEL, "_type": "List"},
        [CLASS_LABEL],
    ],
)
def test_a_list_of_one_class_label_has_its_name(tmp_path: Path, label: Any) -> None:
    assert found(read_corpus(dataset(tmp_path, label, nested=True))) == RIGHT


def test_the_names_of_class_labels_may_be_in_the_dataset_info_alone(tmp_path: Path) -> None:
    dataset(tmp_path, None)
    put(tmp_path / "dataset_info.json", {"features": {"label": CLASS_LABEL}})
    assert found(read_corpus(tmp_path)) == RIGHT


@pytest.mark.parametrize("key", ["_indices_files", "_indices_data_files"])
def test_of_an_early_dataset_only_the_selected_rows_are_read(tmp_path: Path, key: str) -> None:
    dataset(tmp_path, **{key: [{"filename": "indices.arrow"}]})
    arrow(tmp_path / "indices.arrow", {"indices": pa.array([3, 1], pa.uint64())})
    loaded = read_corpus(tmp_path)
    assert found(loaded) == sorted([RIGHT[3], RIGHT[1]])
    assert "the dataset is a selection: 2 rows of it" in str(loaded.notices[0])


def test_a_dataset_is_found_below_the_folder_that_is_given(tmp_path: Path) -> None:
    for split in ("train", "test"):
        dataset(tmp_path / "banking" / split)
    put(tmp_path / "banking" / "dataset_dict.json", {"splits": ["train", "test"]})
    loaded = read_corpus(tmp_path)
    assert found(loaded) == sorted(RIGHT * 2)
    assert [notice.reason.partition(":")[0] for notice in loaded.notices] == [
        "all parts are read as one corpus and split again"
    ]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("agent.blob", "export the agent as JSON package"),
        ("book.xlsb", r"save the workbook as Excel Workbook \(.xlsx\)"),
        ("sheet.gsheet", "a link to a Google sheet: download it"),
        ("mail.mbox", "save the e-mails as .eml files"),
        ("table.avro", "write the table as CSV or Parquet"),
        ("mail.eml", "put it into a folder with the intent's name"),
        ("table.tab", "name it .tsv"),
        ("table.psv", "name it .csv"),
        ("page.htm", "open it in a spreadsheet"),
        ("data.sqlite3", "a database is not read"),
    ],
)
def test_more_formats_that_are_not_read_name_the_way_out(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 anything")
    with pytest.raises(CorpusError, match=says):
        read_corpus(tmp_path / name)
