"""The exports of other products are read: messages without their marks, replies, what is out of scope."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import CorpusError
from data.loading import Loaded, read_corpus
from data.replies import own_replies

Writer = Callable[[Path], Path]


def tree(root: Path, files: dict[str, Any]) -> Path:
    """Write files below a folder; values that are not text are written as JSON."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return root


RASA_NLU = """
version: "3.1"
nlu:
- intent: book_flight
  examples: |
    - a flight to [Berlin](city)
    - fly to [NYC]{"entity": "city", "value": "New York"} please [now](time)
    - [two]{"entity": "n", "role": "adults"}[{"entity": "n"}] seats
- intent: faq/ask_name
  examples:
  - text: |
      what's your name [sic]
    metadata: {sentiment: neutral}
- synonym: New York
  examples: |
    - NYC
- lookup: city
  examples: |
    - Berlin
- intent: no
  examples: |
    - no
    not an example
"""
RASA_DOMAIN = """
version: "3.1"
intents: [book_flight, faq, no]
responses:
  utter_flight:
  - text: "Which date?"
  - text: "When?"
  utter_faq/ask_name:
  - text: I am a bot.
  utter_unused:
  - text: Never.
"""
RASA_RULES = """
rules:
- rule: flights
  steps:
  - intent: book_flight
  - action: utter_flight
"""


def rasa(root: Path) -> Path:
    return tree(
        root / "rasa",
        {
            "data/nlu.yml": RASA_NLU,
            "domain.yml": RASA_DOMAIN,
            "data/rules.yml": RASA_RULES,
            "config.yml": "language: en\n",
        },
    )


def dialogflow_es(root: Path) -> Path:
    def phrase(*texts: str) -> dict[str, Any]:
        return {
            "id": "1",
            "data": [{"text": text, "userDefined": False} for text in texts],
            "isTemplate": False,
        }

    def intent(name: str, fallback: bool, *speech: str) -> dict[str, Any]:
        messages = [{"type": "0", "lang": "en", "speech": list(speech)}]
        return {"id": "2", "name": name, "fallbackIntent": fallback, "responses": [{"messages": messages}]}

    return tree(
        root / "es",
        {
            "agent.json": {"displayName": "Shop", "language": "en", "supportedLanguages": ["de"]},
            "package.json": {"version": "1.0.0"},
            "intents/book_flight.json": intent("book_flight", False, "Which date?", "When?"),
            "intents/book_flight_usersays_en.json": [phrase("a flight to ", "Berlin"), phrase("fly me out")],
            "intents/book_flight_usersays_de.json": [phrase("ein Flug")],
            "intents/Welcome.json": intent("Welcome", False),
            "intents/Default Fallback Intent.json": intent("Default Fallback Intent", True, "Sorry?"),
            "intents/Default Fallback Intent_usersays_en.json": [phrase("sing a song")],
            "entities/city.json": {"name": "city"},
            "entities/city_entries_en.json": [],
        },
    )


def dialogflow_cx(root: Path) -> Path:
    def phrases(*texts: str) -> dict[str, Any]:
        return {
            "trainingPhrases": [
                {"parts": [{"text": part} for part in text.split("|")], "repeatCount": 1} for text in texts
            ]
        }

    fulfilment = {"messages": [{"text": {"text": ["Which date?"]}}]}
    return tree(
        root / "cx",
        {
            "agent.json": {"displayName": "Shop", "defaultLanguageCode": "en"},
            "intents/book_flight/book_flight.json": {"displayName": "book_flight"},
            "intents/book_flight/trainingPhrases/en.json": phrases("a flight to |Berlin", "fly me out"),
            "intents/book_flight/trainingPhrases/de.json": phrases("ein Flug"),
            "intents/negative/negative.json": {"displayName": "negative", "isFallback": True},
            "intents/negative/trainingPhrases/en.json": phrases("sing a song"),
            "flows/main/main.json": {
                "transitionRoutes": [{"intent": "book_flight", "triggerFulfillment": fulfilment}]
            },
            "entityTypes/city/city.json": {},
        },
    )


def lex_v2(root: Path) -> Path:
    def message(text: str) -> dict[str, Any]:
        return {"messageGroupsList": [{"message": {"plainTextMessage": {"value": text}}}]}

    base = "Shop/BotLocales/en_US"
    return tree(
        root / "lex",
        {
            "Manifest.json": {"resourceType": "BOT"},
            f"{base}/BotLocale.json": {"name": "English"},
            f"{base}/Intents/book_flight/Intent.json": {
                "name": "book_flight",
                "sampleUtterances": [{"utterance": "a flight to Berlin"}, {"utterance": "fly me out"}],
                "intentClosingSetting": {"closingResponse": message("Which date?")},
            },
            f"{base}/Intents/FallbackIntent/Intent.json": {
                "name": "FallbackIntent",
                "parentIntentSignature": "AMAZON.FallbackIntent",
                "sampleUtterances": [{"utterance": "sing a song"}],
            },
            "Shop/BotLocales/de_DE/BotLocale.json": {"name": "German"},
            "Shop/BotLocales/de_DE/Intents/flug/Intent.json": {
                "name": "flug",
                "sampleUtterances": [{"utterance": "ein Flug"}],
            },
        },
    )


def luis(root: Path) -> Path:
    utterances = [
        ("a flight to Berlin", "book_flight"),
        ("fly me out", "book_flight"),
        ("sing a song", "None"),
    ]
    document = {
        "luis_schema_version": "7.0.0",
        "intents": [{"name": "book_flight"}, {"name": "None"}, {"name": "never"}],
        "entities": [{"name": "city"}],
        "utterances": [{"text": t, "intent": i, "entities": [{"entity": "city"}]} for t, i in utterances],
        "patterns": [{"pattern": "fly [to] {city}", "intent": "book_flight"}],
    }
    return tree(root, {"luis.json": document}) / "luis.json"


def clu(root: Path) -> Path:
    utterances = [
        ("a flight to Berlin", "book_flight"),
        ("fly me out", "book_flight"),
        ("sing a song", "None"),
    ]
    document = {
        "projectFileVersion": "2022-05-01",
        "assets": {
            "projectKind": "Conversation",
            "intents": [{"category": "None"}, {"category": "book_flight"}],
            "entities": [{"category": "city"}],
            "utterances": [
                {"text": t, "intent": i, "language": "en-us", "dataset": "Train"} for t, i in utterances
            ],
        },
    }
    return tree(root, {"clu.json": document}) / "clu.json"


WATSON: dict[str, Any] = {
    "name": "Shop",
    "intents": [
        {
            "intent": "book_flight",
            "examples": [{"text": "a flight to Berlin"}, {"text": "fly me out"}],
            "description": "",
        }
    ],
    "counterexamples": [{"text": "sing a song"}],
    "entities": [{"entity": "city"}],
    "dialog_nodes": [
        {
            "conditions": "#book_flight",
            "output": {"generic": [{"response_type": "text", "values": [{"text": "Which date?"}]}]},
        },
        {"conditions": "#book_flight && @city", "output": {"text": "Which seat?"}},
        {"conditions": "welcome", "output": {"text": {"values": ["Hello"]}}},
    ],
}


def watson(root: Path) -> Path:
    return tree(root, {"skill.json": WATSON}) / "skill.json"


def watson_actions(root: Path) -> Path:
    intents = [{"intent": "action_1_intent_2", "examples": WATSON["intents"][0]["examples"]}]
    actions = [{"title": "book_flight", "condition": {"intent": "action_1_intent_2"}}]
    workspace = {"intents": intents, "actions": actions, "counterexamples": WATSON["counterexamples"]}
    return tree(root, {"actions.json": {"type": "action", "workspace": workspace}}) / "actions.json"


def clinc(root: Path) -> Path:
    document = {
        "train": [["a flight to Berlin", "book_flight"]],
        "val": [["fly me out", "book_flight"]],
        "oos_train": [["sing a song", "oos"]],
    }
    return tree(root, {"data_full.json": document}) / "data_full.json"


def snips(root: Path) -> Path:
    def utterance(*texts: str) -> dict[str, Any]:
        return {"data": [{"text": text, "entity": "city"} for text in texts]}

    intents = {
        "book_flight": {"utterances": [utterance("a flight to ", "Berlin"), utterance("fly me out")]},
        "None": {"utterances": [utterance("sing a song")]},
    }
    document = {"language": "en", "intents": intents, "entities": {"city": {}}}
    return tree(root, {"dataset.json": document}) / "dataset.json"


def snips_benchmark(root: Path) -> Path:
    flights = [
        {"data": [{"text": "a flight to "}, {"text": "Berlin", "entity": "city"}]},
        {"data": [{"text": "fly me out"}]},
    ]
    files = {
        "flights/train_book_flight_full.json": {"book_flight": flights},
        "songs/train_none.json": {"None": [{"data": [{"text": "sing a song"}]}]},
    }
    return tree(root / "benchmark", files)


def snips_yaml(root: Path) -> Path:
    text = """
type: intent
name: book_flight
utterances:
  - a flight to [place:city](Berlin)
  - fly me out
---
type: intent
name: fallback
utterances:
  - sing a song
---
type: entity
name: city
"""
    return tree(root, {"dataset.yaml": text}) / "dataset.yaml"


def massive(root: Path) -> Path:
    rows = [("a flight to Berlin", "book_flight"), ("fly me out", "book_flight"), ("sing a song", "oos")]
    lines = [
        {
            "id": str(n),
            "locale": "en-US",
            "partition": "train",
            "scenario": "x",
            "intent": i,
            "utt": t,
            "annot_utt": f"[a : {t}]",
        }
        for n, (t, i) in enumerate(rows)
    ]
    return tree(root, {"en-US.jsonl": "\n".join(map(json.dumps, lines))}) / "en-US.jsonl"


def lex_v1(root: Path) -> Path:
    intents = [
        {
            "name": "book_flight",
            "sampleUtterances": ["a flight to Berlin", "fly me out"],
            "conclusionStatement": {"messages": [{"content": "Which date?"}]},
        },
        {"name": "AMAZON.FallbackIntent", "sampleUtterances": ["sing a song"]},
    ]
    return (
        tree(root, {"lex1.json": {"metadata": {}, "resource": {"name": "Shop", "intents": intents}}})
        / "lex1.json"
    )


def alexa(root: Path) -> Path:
    intents = [
        {"name": "book_flight", "slots": [], "samples": ["a flight to Berlin", "fly me out"]},
        {"name": "AMAZON.FallbackIntent", "samples": ["sing a song"]},
    ]
    model = {"interactionModel": {"languageModel": {"invocationName": "shop", "intents": intents}}}
    return tree(root, {"alexa.json": model}) / "alexa.json"


FLIGHTS = [
    ("a flight to Berlin", "book_flight"),
    ("fly me out", "book_flight"),
    ("sing a song", "out_of_scope"),
]
EXPORTS: tuple[Writer, ...] = (
    dialogflow_es, dialogflow_cx, lex_v2, lex_v1, alexa, luis, clu, watson, watson_actions, clinc, snips,
    snips_benchmark, snips_yaml, massive,
)  # fmt: skip
WITH_REPLIES = {dialogflow_es, dialogflow_cx, lex_v2, lex_v1, watson}


def load(path: Path) -> Loaded:
    loaded = read_corpus(path)
    assert not loaded.problems, loaded.problems
    return loaded


def pairs(loaded: Loaded) -> list[tuple[str, str]]:
    return sorted(zip(loaded.table["message"], loaded.table["intent"], strict=True))


@pytest.mark.parametrize("write", EXPORTS, ids=lambda write: write.__name__)
def test_an_export_gives_its_messages_intents_and_replies(tmp_path: Path, write: Writer) -> None:
    loaded = load(write(tmp_path))
    assert pairs(loaded) == FLIGHTS
    assert loaded.replies == ({"book_flight": "Which date?"} if write in WITH_REPLIES else {})


@pytest.mark.parametrize(
    "write", [dialogflow_es, dialogflow_cx, lex_v2, rasa], ids=lambda write: write.__name__
)
def test_an_exported_folder_may_be_zipped_with_or_without_its_top_folder(
    tmp_path: Path, write: Writer
) -> None:
    folder = write(tmp_path)
    for top in ("", "export/"):
        with zipfile.ZipFile(tmp_path / f"export{len(top)}.zip", "w") as archive:
            for path in folder.rglob("*"):
                archive.write(path, top + path.relative_to(folder).as_posix())
        zipped = read_corpus(tmp_path / f"export{len(top)}.zip")
        assert pairs(zipped) == pairs(read_corpus(folder))
        assert zipped.replies == read_corpus(folder).replies


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (
            dialogflow_es,
            ("1 intents without a training phrase", "1 files of phrases in other languages", "1 entities"),
        ),
        (dialogflow_cx, ("1 files of phrases in other languages", "1 entity types")),
        (lex_v2, ("1 locales (de_DE)",)),
        (
            luis,
            (
                "1 patterns",
                "1 entities",
                "1 intents without an utterance",
                "'None' (1 rows) is read as out_of_scope",
            ),
        ),
        (watson, ("2 texts of dialog nodes", "1 entities")),
        (clinc, ("split again: train (1), val (1), oos_train (1)",)),
        (snips, ("1 entities",)),
        (snips_benchmark, ("2 files are one corpus",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_not_taken_over_is_listed(tmp_path: Path, write: Writer, says: tuple[str, ...]) -> None:
    told = "\n".join(str(notice) for notice in load(write(tmp_path)).notices)
    for text in says:
        assert text in told


def test_a_rasa_project_gives_messages_without_marks_and_replies_by_rule_or_name(tmp_path: Path) -> None:
    loaded = read_corpus(rasa(tmp_path))
    assert pairs(loaded) == [
        ("a flight to Berlin", "book_flight"),
        ("fly to NYC please now", "book_flight"),
        ("no", "no"),
        ("two seats", "book_flight"),
        ("what's your name [sic]", "faq/ask_name"),
    ]
    assert loaded.replies == {"book_flight": "Which date?", "faq/ask_name": "I am a bot."}
    assert [(p.line, p.reason) for p in loaded.problems] == [
        (23, "an example begins with `- `: 'not an example'")
    ]
    told = [notice.reason for notice in loaded.notices]
    assert "not taken: 1 synonyms; the bot has intents only" in told
    assert "not taken: 1 lookup tables; the bot has intents only" in told
    assert "not taken: 1 responses (utter_unused); no intent is answered by them alone" in told
    source = loaded.table.loc[loaded.table["message"] == "two seats", "source"].item()
    assert source == "rasa/data/nlu.yml:8"


def test_a_conditional_response_is_not_the_reply(tmp_path: Path) -> None:
    domain = """responses:
  utter_no:
  - condition: [{type: slot, name: vip, value: true}]
    text: For you, always.
  - image: https://shop.example.com/no.png
  - text: No.
"""
    project = tree(tmp_path / "rasa", {"nlu.yml": RASA_NLU, "domain.yml": domain})
    assert read_corpus(project).replies == {"no": "No."}


def test_a_rasa_1_project_names_its_markdown(tmp_path: Path) -> None:
    markdown = "## intent:refund\n- money back\n"
    project = tree(
        tmp_path / "rasa", {"data/nlu.md": markdown, "domain.yml": RASA_DOMAIN, "README.md": "# Bot"}
    )
    found = read_corpus(project).problems
    assert [(Path(p.file).name, "rasa data convert nlu" in p.reason) for p in found] == [("nlu.md", True)]


def test_a_single_rasa_file_is_read(tmp_path: Path) -> None:
    rasa(tmp_path)
    assert len(read_corpus(tmp_path / "rasa" / "data" / "nlu.yml").table) == 5


def test_replies_with_another_products_placeholders_are_left_out_and_named(tmp_path: Path) -> None:
    replies, notices = own_replies(
        tmp_path / "x.json", {"a": "Hi {{Name}}", "b": "Yes {company}", "c": 'say {"x": 1}', "d": "Hi {name}"}
    )
    assert set(replies) == {"b", "c"}
    assert "the reply of 'a' is not used: the bot cannot fill {{Name}}" in notices[0].reason
    assert "the reply of 'd' is not used: the bot cannot fill {name}" in notices[1].reason


@pytest.mark.parametrize("write", EXPORTS, ids=lambda write: write.__name__)
def test_a_damaged_export_is_refused_or_read_without_what_is_damaged(tmp_path: Path, write: Writer) -> None:
    source = write(tmp_path)
    refused = 0
    for file in [source] if source.is_file() else sorted(source.rglob("*.json")):
        text = file.read_text()
        for document in _damaged(json.loads(text)) if file.suffix == ".json" else [text[: len(text) // 2]]:
            file.write_text(document if isinstance(document, str) else json.dumps(document))
            refused += _is_refused(source)
        file.write_text(text)
    assert refused


def _is_refused(source: Path) -> bool:
    try:
        loaded = read_corpus(source)
    except CorpusError:
        return True
    return len(loaded.table) < len(FLIGHTS)


def _damaged(value: Any) -> list[Any]:
    """The document with each part replaced by something of another type."""
    found: list[Any] = [None, 5, "text", [5], {"a": None}]
    if isinstance(value, dict):
        found += [{**value, key: part} for key in value for part in _damaged(value[key])]
    if isinstance(value, list):
        found += [
            [*value[:place], part, *value[place + 1 :]]
            for place in range(len(value))
            for part in _damaged(value[place])
        ]
    return found


_KEYS = (
    "text", "intent", "label", "intents", "utterances", "data", "examples", "workspace", "assets", "resource", "name",
    "interactionModel", "languageModel", "samples", "rasa_nlu_data", "common_examples", "luis_schema_version", "train",
)  # fmt: skip
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), part, max_size=4),
    max_leaves=15,
)


@given(_JSON)
def test_any_json_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    file = tmp_path_factory.mktemp("json") / "x.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    for arrays in (False, True):
        assert _is_refused_with_a_reason(file, arrays) in (True, False)


def _is_refused_with_a_reason(file: Path, arrays: bool) -> bool:
    try:
        read_corpus(file, arrays=arrays)
    except CorpusError as error:
        return bool(str(error))
    return False


def test_a_folder_with_tables_and_other_yaml_files_is_a_corpus_of_tables(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "compose.yaml": "services: {}\n",
            "data/a.csv": "text,label\nhello,greet\n",
            "b.jsonl": '{"text": "bye", "label": "leave"}',
        },
    )
    loaded = read_corpus(tmp_path)
    assert pairs(loaded) == [("bye", "leave"), ("hello", "greet")]
    assert "2 files are one corpus: b.jsonl (1), data/a.csv (1)" in loaded.notices[0].reason
    tree(tmp_path, {"data/c.csv": "text,label\n,greet\nhi,greet\n", "labels.json": '["greet", "leave"]'})
    loaded = read_corpus(tmp_path)
    assert [(Path(p.file).name, p.line, p.reason) for p in loaded.problems] == [
        ("c.csv", 2, "the message is empty")
    ]
    assert any("not taken: a JSON array" in notice.reason for notice in loaded.notices)


def test_a_folder_of_intents_may_have_subfolders_and_files_about_other_things(tmp_path: Path) -> None:
    intent = "intent: {}\nreply: Own.\nmessages: |\n  about {}\n"
    tree(
        tmp_path,
        {"orders/track.yml": intent.format("track", "track"), "refund.YAML": intent.format("refund", "refund"),
         "rules.yaml": "- name: a\n", "replies.yaml": "track: Another.\n", ".git/x.yaml": "a"},
    )  # fmt: skip
    loaded = load(tmp_path)
    assert pairs(loaded) == [("about refund", "refund"), ("about track", "track")]
    assert loaded.replies == {"track": "Own.", "refund": "Own."}
    tree(tmp_path, {"orders/notes.yml": "what: this"})
    assert [(Path(p.file).name, p.line) for p in read_corpus(tmp_path).problems] == [("notes.yml", 1)]
