"""Chat exports have no labels: neither file names nor names and times in them become intents."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from data.errors import CorpusError
from data.loading import read_corpus

ANDROID = (
    "12/03/2024, 14:05 - Messages and calls are end-to-end encrypted.\n"
    "12/03/2024, 14:05 - Anna: hi, where is my parcel\nit is late\n12/03/2024, 14:07 - Shop: on its way\n"
)
IPHONE = (
    "\u200e[03.12.24, 2:05:11\u202fPM] Anna: I want a refund\n[03.12.24, 2:06:00\u202fPM] Shop: Sure: done\n"
)


def refused(path: Path) -> str:
    with pytest.raises(CorpusError) as error:
        read_corpus(path)
    return str(error.value)


@pytest.mark.parametrize("text", [ANDROID, IPHONE])
@pytest.mark.parametrize("suffix", [".txt", ".csv"])
def test_a_chat_export_is_refused_with_the_way_to_labels(text: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"WhatsApp Chat with Anna{suffix}"
    file.write_text(text, encoding="utf-8")
    assert "is a chat export: its messages have no labels" in refused(file)


def test_a_folder_of_chat_exports_names_each(tmp_path: Path) -> None:
    for name in ("Anna", "Bert"):
        (tmp_path / f"WhatsApp Chat with {name}.txt").write_text(ANDROID)
    said = refused(tmp_path)
    assert "chat export" in said
    with zipfile.ZipFile(tmp_path / "chats.zip", "w") as archive:
        archive.writestr("_chat.txt", ANDROID)
    assert "chat export" in refused(tmp_path / "chats.zip")


def test_beside_texts_named_by_intent_a_chat_export_is_left_out_and_named(tmp_path: Path) -> None:
    for name, text in (
        ("refund", "money back\nI want a refund\n"),
        ("track", "where is it\n"),
        ("Anna", ANDROID),
    ):
        (tmp_path / f"{name}.txt").write_text(text)
    loaded = read_corpus(tmp_path)
    assert set(loaded.table["intent"]) == {"refund", "track"}
    assert any("chat export" in notice.reason for notice in loaded.notices)


def test_a_table_that_begins_with_a_time_is_a_table(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    rows = "".join(f"2024-03-12 14:0{i},where is parcel {i}: late,track\n" for i in range(5))
    file.write_text("time,message,intent\n" + rows + "2024-03-12 15:00,money back,refund\n")
    assert set(read_corpus(file).table["intent"]) == {"track", "refund"}


CHATS = {
    "telegram": {
        "name": "Support",
        "type": "private_group",
        "messages": [
            {"id": 1, "type": "service", "date": "2026-03-01T09:00:00", "action": "create_group"},
            {
                "id": 2,
                "type": "message",
                "date": "2026-03-01T09:03:11",
                "from": "Anna",
                "text": "where is it",
            },
            {"id": 3, "type": "message", "date": "2026-03-01T09:04:11", "from": "Shop", "text": ["on ", {}]},
        ],
    },
    "slack": [
        {"type": "message", "user": "U1", "ts": "1709280000.1", "text": "where is it"},
        {"type": "message", "user": "U2", "ts": "1709280060.1", "text": "on its way"},
    ],
    "discord": {
        "guild": {"id": "1"},
        "messages": [
            {
                "id": "1",
                "timestamp": "2026-03-01T09:03:11+00:00",
                "content": "hi",
                "author": {"name": "Anna"},
            },
            {
                "id": "2",
                "timestamp": "2026-03-01T09:04:11+00:00",
                "content": "yes",
                "author": {"name": "Shop"},
            },
        ],
    },
    "messenger": {
        "participants": [{"name": "Anna"}, {"name": "Shop"}],
        "messages": [
            {"sender_name": "Anna", "timestamp_ms": 1709280000000, "content": "where is it"},
            {"sender_name": "Shop", "timestamp_ms": 1709280060000, "content": "on its way"},
        ],
    },
}


@pytest.mark.parametrize("product", CHATS)
def test_a_chat_in_json_is_refused_with_the_way_to_labels(product: str, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(CHATS[product]), encoding="utf-8")
    for arrays in (False, True):
        with pytest.raises(CorpusError, match="is a chat export: its messages have no labels"):
            read_corpus(file, arrays=arrays)


def test_a_chat_in_json_that_somebody_labelled_is_read(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    records = [
        {"from": "Anna", "date": f"2026-03-0{day}", "text": f"where is it, day {day}", "intent": intent}
        for day, intent in enumerate(("track", "refund", "track", "refund"), start=1)
    ]
    file.write_text(json.dumps({"messages": records}), encoding="utf-8")
    assert set(read_corpus(file, arrays=True).table["intent"]) == {"track", "refund"}
