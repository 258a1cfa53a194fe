"""Who wrote a message: those of agents, bots and systems are counted and never taught as the customer's."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from data.errors import CorpusError
from data.loading import Loaded, read_corpus


def of_table(path: Path, header: str, *rows: str) -> Loaded:
    """Read a table of these columns behind `text` and `intent`; the text of a row is its number."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "intent", *header.split(",")])
        writer.writerows([f"text {n}", "ab"[n % 2], *row.split(",")] for n, row in enumerate(rows))
    return read_corpus(path)


def of_conversations(path: Path, *conversations: list[dict[str, Any]], **fields: Any) -> Loaded:
    records = [{"messages": one, "intent": "ab"[n % 2], **fields} for n, one in enumerate(conversations)]
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return read_corpus(path)


def said(corpus: Loaded) -> str:
    return "\n".join(map(str, [*corpus.problems, *corpus.notices]))


@pytest.mark.parametrize(
    ("header", "customer", "agent"),
    [
        ("Direction", "inbound", "outbound"),
        ("direction", "in", "out"),
        ("Speaker", "Customer", "Agent Bob"),
        ("speaker", "Anna Berg", "bot"),
        ("role", "user", "assistant"),
        ("role", "user", "model"),
        ("from", "human", "gpt"),
        ("message_type,sender_type", "incoming,Contact", "outgoing,User"),
        ("sender_type", "Contact", "User"),
        ("From agent", "0", "1"),
        ("Incoming", "TRUE", "FALSE"),
        ("author.type", "user", "admin"),
        ("Absender", "Kunde", "Mitarbeiter"),
    ],
)
def test_a_table_that_says_who_wrote_teaches_the_customers_messages(
    tmp_path: Path, header: str, customer: str, agent: str
) -> None:
    corpus = of_table(tmp_path / "chat.csv", header, customer, agent, agent, customer)
    assert corpus.table["message"].tolist() == ["text 0", "text 3"]
    names = ", ".join(map(repr, header.split(",")))
    assert f"not taken: 2 messages of agents or bots ({names})" in said(corpus)


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("role", ["admin", "user", "manager"]),
        ("role", ["admin", "user"]),
        ("role", ["agent", "broker", "owner"]),
        ("type", ["system", "user"]),
        ("from", ["Berlin", "system", "Rome"]),
        ("direction", ["north", "south"]),
        ("message_type", ["service", "support"]),
        ("role", ["agent", "team"]),
        ("incoming", ["true", "3", "0"]),
        ("message_type", ["question", "note", "answer"]),
        ("author", ["Ann Service", "Joe"]),
        ("from", ["support@example.com", "ann@example.com"]),
        ("meta.role", ["user", "assistant"]),
    ],
)
def test_a_column_whose_values_are_no_senders_leaves_nothing_out(
    tmp_path: Path, header: str, values: list[str]
) -> None:
    corpus = of_table(tmp_path / "corpus.csv", header, *values, *values)
    assert len(corpus.table) == 2 * len(values)
    assert "agents" not in said(corpus)


def test_a_shifted_row_is_a_problem_and_does_not_hide_who_wrote_the_others(tmp_path: Path) -> None:
    corpus = of_table(tmp_path / "chat.csv", "direction", "in", "north,out", "out", "in")
    assert corpus.table["message"].tolist() == ["text 0", "text 3"]
    assert [problem.line for problem in corpus.problems] == [3]


def test_a_table_of_agents_messages_alone_is_refused_with_their_number(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="not taken: 2 messages of agents or bots"):
        of_table(tmp_path / "chat.csv", "direction", "outbound", "outbound")


def message(text: str, **author: Any) -> dict[str, Any]:
    return {**author, "content": text}


@pytest.mark.parametrize(
    ("agent", "customer"),
    [
        ({"role": "model"}, {"role": "user"}),
        ({"role": "Assistant"}, {"role": "User"}),
        ({"role": "operator"}, {"role": "user"}),
        ({"sender": "bot"}, {"sender": "customer"}),
        ({"from": {"type": "agent"}}, {"from": {"type": "customer"}}),
        ({"author": {"type": "admin"}}, {"author": {"type": "user"}}),
        ({"author": {"role": "support"}}, {"author": {"role": "client"}}),
        ({"sender_type": "User"}, {"sender_type": "Contact"}),
        ({"sender": {"type": "user"}}, {"sender": {"type": "contact"}}),
        ({"speaker": "Agent Bob"}, {"speaker": "Kunde"}),
        ({"authorType": "bot"}, {"authorType": "visitor"}),
        ({"type": "message", "role": "assistant"}, {"type": "message", "role": "user"}),
        ({"author": "Ann"}, {"author": "customer"}),
        ({"message_type": 1, "sender": {"type": "user"}}, {"message_type": 0, "sender": {"type": "contact"}}),
        ({"role": "user", "private": True}, {"role": "user", "private": False}),
    ],
)
def test_of_a_conversation_the_customers_first_message_is_taught(
    tmp_path: Path, agent: dict[str, Any], customer: dict[str, Any]
) -> None:
    turns = [
        message("Hello, how can I help?", **agent),
        message("money back", **customer),
        message("x", **agent),
    ]
    corpus = of_conversations(tmp_path / "chats.jsonl", turns, turns[1:])
    assert corpus.table["message"].tolist() == ["money back"] * 2


def test_a_conversation_under_another_name_is_one_where_its_messages_say_who_wrote_them(
    tmp_path: Path,
) -> None:
    file = tmp_path / "chats.jsonl"
    turns = [{"speaker": "SYSTEM", "text": "Hello"}, {"speaker": "USER", "text": "money back"}]
    file.write_text(json.dumps({"turns": turns, "intent": "refund"}), encoding="utf-8")
    assert read_corpus(file).table["message"].tolist() == ["money back"]


def test_the_requester_of_a_ticket_is_its_customer(tmp_path: Path) -> None:
    comments = [{"author_id": 9, "content": "you are late"}, {"author_id": 5, "content": "sorry"}]
    corpus = of_conversations(tmp_path / "tickets.jsonl", comments, comments, requester_id=5)
    assert corpus.table["message"].tolist() == ["sorry"] * 2


@pytest.mark.parametrize("subject", [{}, {"subject": "Your order"}])
def test_a_conversation_in_which_only_agents_wrote_is_counted(
    tmp_path: Path, subject: dict[str, str]
) -> None:
    customers = [message("money back", role="user")]
    alone = [message("Hello, how can I help?", role="assistant")]
    corpus = of_conversations(tmp_path / "chats.jsonl", customers, customers, alone, alone * 2, **subject)
    assert len(corpus.table) == 2
    assert "not taken: 2 conversations in which only agents or bots wrote" in said(corpus)
    assert not corpus.problems


@pytest.mark.parametrize("subject", [{}, {"subject": "Your order"}])
def test_a_conversation_whose_authors_are_only_names_is_a_problem_and_no_guess(
    tmp_path: Path, subject: dict[str, str]
) -> None:
    turns = [message("Hello, how can I help?", author="Agent Bob"), message("money back", author="Ann")]
    known = [message("where is it", author="customer")]
    corpus = of_conversations(tmp_path / "chats.jsonl", turns, known, turns[1:], known, **subject)
    assert len(corpus.table) == 2
    assert [problem.line for problem in corpus.problems] == [1, 3]
    assert "nothing says which author is the customer: 'Ann'" in said(corpus)


def test_a_ticket_keeps_its_own_text_beside_a_conversation_of_agents(tmp_path: Path) -> None:
    comments = [message("we look at it", role="agent")]
    corpus = of_conversations(
        tmp_path / "tickets.jsonl", comments, comments, subject="Lost", description="where is it"
    )
    assert corpus.table["message"].tolist() == ["Lost. where is it"] * 2


def of_cells(path: Path, *cells: str) -> Loaded:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("text", "intent"), *((cell, "ab"[n % 2]) for n, cell in enumerate(cells))]
        )
    return read_corpus(path)


@pytest.mark.parametrize(
    "transcript",
    [
        "Agent: Hello\nCustomer: my parcel\nit is late\nAgent: sure",
        "Visitor: my parcel\nVisitor: it is late\nSupport Bob: wait",
        "Customer Service: Hello\nClient: my parcel\nit is late",
        "[10:00] Bot: Hello\n[10:01] Customer: my parcel\nit is late\n[10:02] Joe left\n[10:03] Bot: bye",
        "(10:00:01) *** Joe joined\n(10:00:02) Ann: Hi\n(10:00:09) Visitor Joe: my parcel\nit is late",
        "Chat started: 3 May\n2026-05-03T10:00:01Z Kunde: my parcel\nit is late\n2026-05-03T10:02:01Z Ann: ok",
        "Agent Bob (10:00 AM): Hi\nUser (10:01 AM): my parcel\nit is late",
        "[10:01] Customer: my parcel\nit is late",
    ],
)
def test_of_a_transcript_in_a_cell_the_customers_first_message_is_taught(
    tmp_path: Path, transcript: str
) -> None:
    corpus = of_cells(tmp_path / "chats.csv", transcript, "where is it")
    assert corpus.table["message"].tolist() == ["my parcel\nit is late", "where is it"]
    assert "transcripts of chats: of 1 cells the customer's first message is taken" in said(corpus)


def test_a_transcript_whose_speakers_are_names_is_a_problem(tmp_path: Path) -> None:
    transcript = "(10:00:01) Ann: i want my money back\n(10:00:09) Agent Bob: Hello Ann"
    corpus = of_cells(tmp_path / "chats.csv", "where is it", transcript)
    assert corpus.table["message"].tolist() == ["where is it"]
    assert [problem.line for problem in corpus.problems] == [3]
    assert "do not say who the customer is ('Ann', 'Agent Bob')" in said(corpus)


def test_a_transcript_of_agents_alone_is_counted(tmp_path: Path) -> None:
    corpus = of_cells(tmp_path / "chats.csv", "where is it", "Agent: Hello\nAgent: still there?")
    assert corpus.table["message"].tolist() == ["where is it"]
    assert "not taken: 1 conversations in which only agents or bots wrote" in said(corpus)


@pytest.mark.parametrize(
    "message",
    [
        "Name: Ann\nOrder: 12\nMessage: where is it",
        "Customer: ACME\nSystem: SAP\nProblem: it is down",
        "Customer: ACME\nOperating system: none",
        "My problem:\n[10:00:01] ERROR: no disk\n[10:00:02] ERROR: no disk",
        "[10:00:01] ERROR: no disk\n[10:00:02] INFO: stopped",
        "10:00 - 12:00: call me\n13:00 - 14:00: do not",
        "3/5/2026 10:00 Delivery status: sent\n4/5/2026 10:00 Delivery status: lost",
        "hello: where is it",
        "Customer: hello\nwhere is it",
        "I wrote to your agent.\nAgent: no\nCustomer: why?",
    ],
)
def test_lines_with_colons_that_are_no_transcript_are_taught_as_written(tmp_path: Path, message: str) -> None:
    corpus = of_cells(tmp_path / "corpus.csv", message, "money back")
    assert corpus.table["message"].tolist() == [message, "money back"]
    assert "transcript" not in said(corpus)
