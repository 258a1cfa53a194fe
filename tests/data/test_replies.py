"""Replies are read in the forms in which people have them, and belong to the intents that they name."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from chatbot.dialog.replies import ReplyText
from chatbot.errors import ChatbotError, SettingError
from data.errors import CorpusError
from data.loading import read_corpus
from data.processing import ProcessParams
from data.processing import process as process_corpus
from data.processing import write as write_processed
from data.replies import match_replies, own_replies, read_replies
from training.corpus.reading import read, replies_for

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = {"refund": "Here: {returns_url}", "no": "No."}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("replies.yaml", "refund: 'Here: {returns_url}'\nno: No.\n"),
        (
            "replies.yml",
            "refund:\n  response: 'Here: {returns_url}'\n  title: Money back\nno: {response: No.}\n",
        ),
        (
            "domain.yml",
            "version: '3.1'\nresponses:\n  utter_refund:\n  - text: 'Here: {returns_url}'\n  - text: b\n"
            "  utter_no:\n  - text: No.\n",
        ),
        ("replies.csv", "intent,reply\nrefund,Here: {returns_url}\nno,No.\n"),
        ("replies.csv", "Label;Response\nrefund;Here: {returns_url}\nno;No.\n"),
        ("replies.tsv", "intent\ttext\nrefund\tHere: {returns_url}\nno\tNo.\n"),
        (
            "replies.jsonl",
            '{"intent": "refund", "answer": "Here: {returns_url}"}\n{"intent": "no", "answer": "No."}\n'
            '{"intent": "other", "answer": null}\n',
        ),
        ("replies.json", '\ufeff{\n\t"refund": "Here: {returns_url}",\n\t"no": "No."\n}'),
        (
            "corpus.csv",
            "text,intent,reply\na,refund,Here: {returns_url}\nb,refund,Here: {returns_url}\nc,no,No.\n",
        ),
    ],
)
def test_every_form_gives_the_same_replies(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert {intent: reply.response for intent, reply in read_replies(tmp_path / name).items()} == EXPECTED


def test_a_corpus_folder_gives_its_replies_and_those_of_a_file_beside(tmp_path: Path) -> None:
    (tmp_path / "refund.yml").write_text("intent: refund\nreply: 'Here: {returns_url}'\nmessages: |\n  a\n")
    (tmp_path / "no.yaml").write_text("intent: no\nmessages: |\n  b\n")
    (tmp_path / "replies.yaml").write_text("no: No.\nrefund: Another.\n")
    assert {intent: reply.response for intent, reply in read_replies(tmp_path).items()} == EXPECTED


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "replies.csv",
            "topic,wording\na,b\n",
            "no columns with replies: a table of replies has `intent` and `reply`",
        ),
        ("replies.csv", "intent,reply\na,b\na,c\n", "csv:3: intent 'a' has a second reply"),
        ("replies.csv", "", "no columns with replies"),
        ("rules.yaml", "- name: a\n  action: reply\n", "a list is not replies"),
        ("replies.yaml", "a: [b]\n", "no usable replies: intent 'a': Input should be"),
        ("replies.yaml", "a: {respons: b}\n", "intent 'a', field 'respon"),
        ("replies.yaml", "just text\n", "no usable replies"),
        ("replies.json", "[1, 2]", "no usable replies"),
        ("replies.txt", "\n", "no columns with replies"),
        ("replies.docx", "x", "documents are not read"),
    ],
)
def test_an_invalid_replies_file_is_refused_with_what_is_needed(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ChatbotError, match=says):
        read_replies(tmp_path / name)
    with pytest.raises(ChatbotError, match="no such file"):
        read_replies(tmp_path / "none.yaml")


def test_replies_are_matched_by_spelling_and_one_without_intent_names_the_closest() -> None:
    texts = {
        name: ReplyText(response=f"{name}.") for name in ("Track Order", "refnd", "out_of_scope", "weather")
    }
    matched, notices = match_replies(texts, ["track_order", "refund"], "replies.yaml")
    assert {intent: text.response for intent, text in matched.items()} == {"track_order": "Track Order."}
    assert [str(notice) for notice in notices] == [
        "replies.yaml: reply 'refnd' has no intent in this corpus; the closest name is 'refund'",
        "replies.yaml: reply 'weather' has no intent in this corpus",
    ]


def test_a_slot_without_a_value_stops_the_training_at_once(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("get_refund: '{company} calls {hotline}'")
    corpus = read(shop(tmp_path / "corpus.csv"), ProcessParams())
    with pytest.raises(SettingError, match="the reply of get_refund needs hotline: set CHATBOT_SLOT_HOTLINE"):
        replies_for(["get_refund"], tmp_path / "replies.yaml", corpus.train)


def test_json_of_other_programs_keeps_its_emoji_and_a_null_is_no_reply(tmp_path: Path) -> None:
    (tmp_path / "replies.json").write_text(
        json.dumps({"refund": "Done \U0001f600", "track": None, "five": 5.0})
    )
    texts = {intent: text.response for intent, text in read_replies(tmp_path / "replies.json").items()}
    assert texts == {"refund": "Done \U0001f600", "track": "", "five": "5.0"}
    (tmp_path / "replies.yaml").write_text(json.dumps({"refund": "Done \U0001f600", "half": "\ud83d!"}))
    texts = {intent: text.response for intent, text in read_replies(tmp_path / "replies.yaml").items()}
    assert texts == {"refund": "Done \U0001f600", "half": "\ufffd!"}


def test_an_empty_reply_is_none_and_its_title_stays(tmp_path: Path) -> None:
    (tmp_path / "replies.yaml").write_text("get_refund: {response: ' ', title: Money back}\nwater_plants:\n")
    corpus = read(shop(tmp_path / "corpus.csv"), ProcessParams())
    replies, missing, _ = replies_for(["get_refund", "water_plants"], tmp_path / "replies.yaml", corpus.train)
    assert missing == ["get_refund", "water_plants"]
    assert all(text.response.startswith("This is about: ") for text in replies.texts.values())
    assert replies["get_refund"].title == "Money back"


def shop(path: Path) -> Path:
    """A corpus of somebody else with an intent that the shop has too."""
    path.write_text(
        "text,intent\n"
        + "".join(f"m{n} {i},{i}\n" for i in ("get_refund", "water_plants") for n in range(12))
    )
    return path


def test_an_intent_that_the_shop_has_too_gets_the_shops_reply_only_when_asked_for(tmp_path: Path) -> None:
    corpus = read(shop(tmp_path / "corpus.csv"), ProcessParams())
    intents = sorted(set(corpus.rows["intent"]))
    own, missing, _ = replies_for(intents, None, corpus.train, corpus.replies)
    assert missing == ["get_refund", "water_plants"]
    assert own["get_refund"].response.startswith("This is about: Get refund.")
    asked, missing, notices = replies_for(intents, ROOT / "data" / "corpus", corpus.train, corpus.replies)
    assert missing == ["water_plants"]
    assert "{returns_url}" in asked["get_refund"].response
    assert any("reply 'cancel_order' has no intent in this corpus" in notice.reason for notice in notices)


def test_the_shipped_corpus_processed_has_its_replies_and_added_rows_have_none(tmp_path: Path) -> None:
    shipped = read(ROOT / "data" / "corpus", ProcessParams())
    rows = shipped.rows.groupby("intent").head(2)
    added = rows.head(1).assign(intent="water_plants", source="review:1", row_hash="0" * 32)
    done = process_corpus(
        pd.concat([rows, added], ignore_index=True)[["message", "intent", "category", "source", "row_hash"]]
    )
    assert shipped.report is not None
    write_processed(done, shipped.report, ProcessParams(), tmp_path)
    corpus = read(tmp_path / "corpus.parquet", ProcessParams())
    intents = sorted(set(corpus.rows["intent"]) - {"out_of_scope"})
    replies, missing, notices = replies_for(intents, None, corpus.train, corpus.replies)
    assert missing == ["water_plants"]
    assert replies["get_refund"].response == shipped.replies["get_refund"].response
    assert replies["get_refund"].description
    assert not notices


def test_replies_with_german_headers_are_read_and_unknown_headers_are_told_the_accepted_ones(
    tmp_path: Path,
) -> None:
    file = tmp_path / "antworten.csv"
    file.write_text("Absicht;Antwort\nrefund;Hier.\ntrack;Dort.\n")
    assert {intent: text.response for intent, text in read_replies(file).items()} == {
        "refund": "Hier.",
        "track": "Dort.",
    }
    file.write_text("Zweck;Auskunft\nrefund;Hier.\n")
    with pytest.raises(CorpusError) as error:
        read_replies(file)
    assert all(name in str(error.value) for name in ("label", "absicht", "antwort", "response", "'Zweck'"))


@pytest.mark.parametrize(
    ("reply", "variable"),
    [
        ("I refunded $order for you.", "$order"),
        ("It is on its way to $city.original", "$city.original"),
        ("Refund for $session.params.order is done.", "$session.params.order"),
        ("It is $sys.func.NOW() now", "$sys.func.NOW"),
        ("Your parcel #track.number has left", "#track.number"),
        ("Order <? context.order ?> is paid", "<? context.order ?>"),
        ("Dear <%= name %>,", "<%= name %>"),
        ("We deliver to @city", "@city"),
        ("On @sys.date we close", "@sys.date"),
        ("Dear [NAME], thanks", "[NAME]"),
        ("Your [Order Number] is here", "[Order Number]"),
        ("Your [order_id] is here", "[order_id]"),
        ("See %s", "%s"),
        ("See %(page)s", "%(page)s"),
        ("Dear %NAME%", "%NAME%"),
        ("Pay ${amount}", "${amount}"),
        ("Code {{1}}", "{{1}}"),
        ("{% if vip %}At once{% endif %}", "{% if vip %}"),
    ],
)
def test_a_reply_with_another_products_variable_is_left_out_and_named(
    tmp_path: Path, reply: str, variable: str
) -> None:
    kept, [notice] = own_replies(tmp_path / "export.json", {"refund": reply, "track": "See your page."})
    assert set(kept) == {"track"}
    assert f"the reply of 'refund' is not used: the bot cannot fill {variable};" in notice.reason


@pytest.mark.parametrize(
    "reply",
    [
        "It costs $5 or US$ 6, $1.50 a day, 100 $.",
        "Write to a@b.com, or meet us @ the shop.",
        "Our #1 choice, #sale, C#.",
        "Save 20 %, 50%discount, 100%.",
        "See [our page](https://shop.example.com/#a.b), [FAQ](https://shop.example.com/%d0%bf/@shop) [1] [sic].",
        "<b>Bold</b> x < 3 {support_email}",
    ],
)
def test_marks_that_are_no_variables_are_text(tmp_path: Path, reply: str) -> None:
    kept, notices = own_replies(tmp_path / "export.json", {"refund": reply})
    assert kept["refund"].response == reply
    assert not notices


def test_of_two_replies_of_an_intent_the_first_is_used_with_a_notice(tmp_path: Path) -> None:
    groups = [
        {"tag": "refund", "patterns": ["money back"], "responses": ["First."]},
        {"tag": "track", "patterns": ["where is it"], "responses": ["Track."]},
        {"tag": "refund", "patterns": ["refund me"], "responses": ["Second."]},
        {"tag": "Track", "patterns": ["tell me where"], "responses": ["Other."]},
        {"tag": "track", "patterns": ["where is the parcel"], "responses": ["Track."]},
    ]
    file = tmp_path / "intents.json"
    file.write_text(json.dumps({"intents": groups}))
    loaded = read_corpus(file)
    assert loaded.replies == {"refund": "First.", "track": "Track."}
    told = "\n".join(map(str, loaded.notices))
    assert "another reply of 1 intents, such as 'refund': the first is used" in told
    assert "another reply of 1 intents, such as 'track': the first is used" in told


@pytest.mark.parametrize(
    ("header", "reply"),
    [
        ("intent,text_en,reply_de", ""),
        ("intent,text_en,reply_de,reply", "b"),
        ("intent,text_en,reply_de,reply_en", "b"),
        ("intent,text,reply_de,reply_en", "b"),
        ("intent,text,reply_de", "a"),
    ],
)
def test_the_reply_is_in_the_language_of_the_messages(tmp_path: Path, header: str, reply: str) -> None:
    file = tmp_path / "table.csv"
    file.write_text(f"{header}\nrefund,money back,a{',b' * (header.count(',') - 2)}\ntrack,where is it,,\n")
    loaded = read_corpus(file)
    assert loaded.replies.get("refund", "") == reply
    is_told = any("'reply_de'" in str(notice) for notice in loaded.notices)
    assert is_told == ("_en" in header)
