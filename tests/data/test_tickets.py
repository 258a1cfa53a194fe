"""Exports of ticket systems: the customer's own words and the reason of the ticket, whatever the product."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from data.columns import Columns
from data.errors import CorpusError
from data.formats.json_text import parse_json
from data.formats.nested import flat
from data.formats.transcript import customers_words
from data.loading import Loaded, read_corpus
from data.mail import clean_mail, clean_subject, joined

HTML = "<p>Hello,</p><p>where is my parcel &amp; when does it come?</p><p>Kind regards,<br>Ann Miller<br>ACME</p>"
QUOTING = (
    "Cancel my order please\n\nOn Mon, 3 May 2026 at 10:00,\nShop <help@x.com> wrote:\n> hello\n\n"
    "Sent from my iPhone"
)
BODIES = (HTML, QUOTING)
CLEAN = ("Hello, where is my parcel & when does it come?", "Cancel my order please")
COUNT = 4


def objects(names: list[str], key: str = "name") -> list[dict[str, Any]]:
    return [{"id": number, key: name, "_links": {"self": "x"}} for number, name in enumerate(names)]


def tickets(**fields: Any) -> list[dict[str, Any]]:
    """Return tickets; a callable field is called with the ticket's body, label and number."""

    def made(value: Any, number: int) -> Any:
        label = ("delivery", "cancel")[number % 2]
        return value(BODIES[number % 2], label, number) if callable(value) else value

    return [{name: made(value, number) for name, value in fields.items()} for number in range(COUNT)]


SUBJECT = {"id": lambda b, t, n: n, "subject": lambda b, t, n: f"Re: [#{n}7] Order {n}"}
EXPORTS: dict[str, Any] = {
    "zendesk": {
        "tickets": tickets(
            **SUBJECT,
            description=lambda b, t, n: b,
            tags=lambda b, t, n: [t],
            type="question",
            via={"channel": "web"},
        ),
        "users": [{"id": 1, "name": "Bob"}],
    },
    "intercom": {
        "type": "conversation.list",
        "conversations": tickets(
            type="conversation",
            source=lambda b, t, n: {"subject": f"<p>Order {n}</p>", "body": b, "author": {"type": "user"}},
            tags=lambda b, t, n: {"type": "tag.list", "tags": objects([t])},
        ),
    },
    "freshdesk": [
        {"helpdesk_ticket": ticket}
        for ticket in tickets(
            **SUBJECT,
            description=lambda b, t, n: b,
            ticket_type=lambda b, t, n: t,
            tags=[],
            notes=[{"body": "a"}],
        )
    ],
    "hubspot": {
        "results": tickets(
            properties=lambda b, t, n: {"subject": f"Order {n}", "content": b, "hs_ticket_category": t}
        ),
        "paging": {"next": {"after": "1"}},
    },
    "helpscout": {
        "_embedded": {
            "conversations": tickets(
                **SUBJECT,
                preview="short",
                tags=lambda b, t, n: objects([t], "tag"),
                _embedded=lambda b, t, n: {
                    "threads": [
                        {"type": "message", "body": "an agent's answer", "createdAt": "2026-01-02"},
                        {"type": "customer", "body": "later", "createdAt": "2026-01-03"},
                        {"type": "customer", "body": b, "createdAt": "2026-01-01"},
                    ]
                },
            )
        },
        "page": {"size": 25},
    },
    "front": {
        "_results": tickets(
            **SUBJECT,
            tags=lambda b, t, n: objects([t]),
            last_message=lambda b, t, n: {"is_inbound": True, "body": b},
        ),
        "_links": {},
    },
    "gorgias": {
        "data": tickets(
            **SUBJECT,
            tags=lambda b, t, n: objects([t]),
            messages=lambda b, t, n: [
                {"from_agent": True, "stripped_text": "an agent's"},
                {"from_agent": False, "body_html": "all", "stripped_text": b},
            ],
        ),
        "object": "list",
        "meta": {},
    },
    "salesforce": {
        "totalSize": COUNT,
        "done": True,
        "records": tickets(
            attributes={"type": "Case"},
            Subject=lambda b, t, n: f"Order {n}",
            Description=lambda b, t, n: b,
            Type="Problem",
            Reason=lambda b, t, n: t,
        ),
    },
}
TABLES = {
    "zendesk": ("Ticket ID", "Subject", "Description", "Tags"),
    "salesforce": ("Case Number", "Subject", "Description", "Case Reason"),
    "freshdesk": ("Ticket ID", "Subject", "Description", "Type"),
    "hubspot": ("Ticket ID", "Ticket name", "Ticket description", "Category"),
    "gorgias": ("Ticket id", "Ticket subject", "Excerpt", "Tags"),
    "front": ("Message ID", "Subject", "Extract", "Tags"),
}


def loaded(path: Path, content: Any, columns: Columns | None = None) -> Loaded:
    path.write_text(json.dumps(content), encoding="utf-8")
    return read_corpus(path, columns, arrays=True)


def table(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def said(corpus: Loaded) -> str:
    return "\n".join(map(str, [*corpus.problems, *corpus.notices]))


def assert_customers_words(corpus: Loaded) -> None:
    assert not corpus.problems
    messages, intents = corpus.table["message"].tolist(), corpus.table["intent"].tolist()
    assert messages == [f"Order {n}. {CLEAN[n % 2]}" for n in range(COUNT)]
    assert intents == ["delivery", "cancel"] * 2
    for what in ("HTML is converted to text", "quoted replies are removed", "signatures are removed"):
        assert what in said(corpus)


@pytest.mark.parametrize("product", EXPORTS)
def test_an_export_as_json_gives_the_customers_own_words_and_the_label(tmp_path: Path, product: str) -> None:
    assert_customers_words(loaded(tmp_path / "export.json", EXPORTS[product]))


def test_an_export_as_json_lines_gives_the_same(tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text("\n".join(map(json.dumps, EXPORTS["zendesk"]["tickets"])), encoding="utf-8")
    assert_customers_words(read_corpus(file))


@pytest.mark.parametrize("product", TABLES)
def test_an_export_as_a_table_gives_the_same(tmp_path: Path, product: str) -> None:
    rows = [(str(n), f"Order {n}", BODIES[n % 2], ("delivery", "cancel")[n % 2]) for n in range(COUNT)]
    assert_customers_words(read_corpus(table(tmp_path / "export.csv", TABLES[product], rows)))


def test_messages_of_agents_and_tickets_without_a_tag_are_counted_not_taught(tmp_path: Path) -> None:
    conversations = EXPORTS["intercom"]["conversations"]
    agent = {
        **conversations[0],
        "source": {"subject": "", "body": "New prices!", "author": {"type": "admin"}},
    }
    untagged = {**conversations[0], "tags": {"type": "tag.list", "tags": []}}
    corpus = loaded(tmp_path / "export.json", {"conversations": [*conversations, agent, untagged]})
    assert len(corpus.table) == COUNT
    assert "not taken: 1 messages of agents or bots ('source.author.type')" in said(corpus)
    assert "not taken: 1 tickets without a label in 'tags.tags'" in said(corpus)


@pytest.mark.parametrize("mark", [" ", ", ", ";"])
def test_of_several_tags_those_that_are_intents_are_named(tmp_path: Path, mark: str) -> None:
    tags = [
        mark.join(found)
        for found in (["refund", "vip"], ["delivery", "vip"], ["delivery", "web"], ["refund"])
    ]
    rows = [(str(n), f"Order {n}", f"text {n}", found) for n, found in enumerate(tags)]
    file = table(tmp_path / "export.csv", TABLES["zendesk"], rows)
    problems = read_corpus(file).problems
    assert [problem.line for problem in problems] == [2, 3, 4]
    assert "the most frequent are refund (2), vip (2), delivery (2), web (1)" in problems[0].kind
    named = read_corpus(file, Columns(tags=("Refund", "delivery")))
    assert named.table["intent"].tolist() == ["Refund", "delivery", "delivery", "Refund"]
    assert not named.problems


@pytest.mark.parametrize(
    ("column", "agents", "customers"),
    [
        ("From agent", "TRUE", "false"),
        ("Direction", "outbound", "inbound"),
        ("Is inbound", "False", "true"),
        ("Author type", "admin", "user"),
    ],
)
def test_the_column_that_says_who_wrote_leaves_out_agents(
    tmp_path: Path, column: str, agents: str, customers: str
) -> None:
    rows = [(f"Order {n}", f"text {n}", "ab"[n % 2], customers) for n in range(4)]
    header = ("Subject", "Description", "Tags", column.lower().replace(" ", "_"))
    corpus = read_corpus(table(tmp_path / "export.csv", header, [*rows, ("Order 4", "new", "a", agents)]))
    assert corpus.table["message"].tolist() == [f"Order {n}. text {n}" for n in range(4)]
    assert "not taken: 1 messages of agents or bots" in said(corpus)


def test_a_subject_that_every_second_ticket_has_of_its_own_is_part_of_the_message(tmp_path: Path) -> None:
    rows = [(str(n), f"Order {n % 2}", f"text {n}", "ab"[n % 2]) for n in range(4)]
    corpus = read_corpus(table(tmp_path / "export.csv", TABLES["freshdesk"], rows))
    assert corpus.table["message"][0] == "Order 0. text 0"


def test_numbers_of_labels_give_way_to_their_names_in_tickets_too(tmp_path: Path) -> None:
    header = ("subject", "body", "label", "label_name")
    rows = [("S1", "refund me", "1", "refund"), ("S2", "where is it", "0", "track")]
    corpus = read_corpus(table(tmp_path / "tickets.csv", header, rows))
    assert corpus.table["intent"].tolist() == ["refund", "track"]


def test_a_finer_label_of_tickets_is_mentioned(tmp_path: Path) -> None:
    header = ("Subject", "Description", "Category", "Sub-Category", "Content Type")
    rows = [("S1", "refund me", "Orders", "Refund", "a"), ("S2", "where is it", "Other", "Track", "b")]
    corpus = read_corpus(table(tmp_path / "tickets.csv", header, rows))
    assert corpus.table["intent"].tolist() == ["Orders", "Other"]
    assert "(others: 'Sub-Category': --intent-column)" in said(corpus)


@pytest.mark.parametrize("kind", ["list", "txt", "int"])
def test_a_custom_field_of_zendesk_is_found_behind_its_kind(tmp_path: Path, kind: str) -> None:
    header = ("Id", "Subject", "Description", "Tags", f"Contact Reason [{kind}]", "Type")
    rows = [
        ("1", "S1", "refund me", "web", "Refund", "Question"),
        ("2", "S2", "where is it", "api", "Track", "Task"),
    ]
    corpus = read_corpus(table(tmp_path / "tickets.csv", header, rows))
    assert corpus.table["intent"].tolist() == ["Refund", "Track"]


def test_the_label_is_a_column_with_two_values_and_a_number_is_a_whole_one(tmp_path: Path) -> None:
    content = [
        {
            "subject": f"Order {n}",
            "description": f"text {n}",
            "tags": ["vip"] if n else [],
            "type": 1.0 + n % 2,
        }
        for n in range(4)
    ]
    for asked in (Columns(), Columns(tags=("1", "2"))):
        assert loaded(tmp_path / "export.json", content, asked).table["intent"].tolist() == ["1", "2"] * 2


def test_a_ticket_with_a_cell_too_many_is_a_problem_and_not_left_out_in_silence(tmp_path: Path) -> None:
    rows = [(str(n), f"Order {n}", f"text {n}", "ab"[n % 2]) for n in range(4)]
    corpus = read_corpus(table(tmp_path / "export.csv", TABLES["zendesk"], [*rows, (*rows[0], "more")]))
    assert [problem.line for problem in corpus.problems] == [6]
    assert len(corpus.table) == 4


def test_tags_between_brackets_are_read_without_them(tmp_path: Path) -> None:
    rows = [(str(n), f"Order {n}", f"text {n}", f"['{'ab'[n % 2]}']") for n in range(4)]
    corpus = read_corpus(table(tmp_path / "export.csv", TABLES["zendesk"], rows))
    assert corpus.table["intent"].tolist() == ["a", "b"] * 2


def test_a_subject_with_which_the_message_begins_or_that_ends_in_a_mark_is_joined_as_a_person_would() -> None:
    assert joined("Where is it", "where is it? I wait") == "where is it? I wait"
    assert joined("Where is it?", "I wait") == "Where is it? I wait"
    assert joined("Refund", "I wait") == "Refund. I wait"
    assert joined("Refund", "") == "Refund"


def conversation(**agents: Any) -> dict[str, Any]:
    """Return a ticket whose first message has a mark of a message that is not the customer's."""
    return {"messages": [{"text": "an agent's", **agents}, {"text": "the customer's"}]}


@pytest.mark.parametrize(
    "mark",
    [
        {"role": "assistant"},
        {"role": "bot"},
        {"type": "note"},
        {"type": "forwardparent"},
        {"from_agent": True},
        {"is_inbound": False},
        {"incoming": False},
        {"public": False},
    ],
    ids=str,
)
def test_of_a_conversation_the_first_message_that_is_not_an_agents_is_taken(mark: dict[str, Any]) -> None:
    assert dict(flat(conversation(**mark))) == {"messages.text": "the customer's"}


def test_the_order_of_a_conversation_is_that_of_its_times_where_all_have_one_of_a_kind() -> None:
    def first(*times: Any) -> Any:
        messages = [{"text": n, "created": time} for n, time in enumerate(times)]
        return dict(flat({"messages": messages}))["messages.text"]

    assert first(30, 10, 20) == 1
    assert first("2026-01-02", "2026-01-01") == 1
    assert first(30, "2026-01-01") == 0
    assert first(None, 10) == 0


def test_a_subject_that_tickets_share_is_not_taught(tmp_path: Path) -> None:
    rows = [(str(n), "Contact form", f"text {n}", ("a", "b")[n % 2]) for n in range(6)]
    corpus = read_corpus(table(tmp_path / "export.csv", TABLES["freshdesk"], rows))
    assert corpus.table["message"].tolist() == [f"text {n}" for n in range(6)]
    assert "'Subject' has few different values and is not part of the message" in said(corpus)


def test_a_message_without_text_is_a_problem_and_never_an_empty_row(tmp_path: Path) -> None:
    rows = [
        ("1", "", "<p><img src='x.png'></p>", "a"),
        ("2", "", "hello there", "b"),
        ("3", "", "hi you", "a"),
    ]
    corpus = read_corpus(table(tmp_path / "export.csv", TABLES["freshdesk"], rows))
    reason = "the message is HTML without a text: \"<p><img src='x.png'></p>\""
    assert [(problem.line, problem.reason) for problem in corpus.problems] == [(2, reason)]
    assert corpus.table["message"].tolist() == ["hello there", "hi you"]


def test_examples_are_at_most_five_and_html_elsewhere_is_named_and_taught_as_written(tmp_path: Path) -> None:
    file = table(
        tmp_path / "corpus.csv", ("text", "label"), [(f"<b>refund</b> {n}", "ab"[n % 2]) for n in range(8)]
    )
    written = read_corpus(file)
    assert written.table["message"][0] == "<b>refund</b> 0"
    assert "HTML is taught as written" in said(written)
    assert said(written).count("line ") == 5
    assert "... and 3 more" in said(written)
    assert read_corpus(file, Columns(clean_mail=True)).table["message"][0] == "refund 0"
    rows = [(str(n), f"Order {n}", HTML, "ab"[n % 2]) for n in range(2)]
    export = table(tmp_path / "export.csv", TABLES["freshdesk"], rows)
    assert read_corpus(export, Columns(clean_mail=False)).table["message"][0] == f"Order 0. {HTML}"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Yes.\n\nAm 3. Mai 2026 um 10:12 schrieb Shop:\n> Hallo", "Yes."),
        ("Yes.\n-----Original Message-----\nFrom: x\nhello", "Yes."),
        ("Yes.\n________\nFrom: Shop <a@b.c>\nSent: Monday\nTo: me\nSubject: hi\n\nhello", "Yes."),
        (
            "##- Please type your reply above this line -##\nhello",
            "##- Please type your reply above this line -##\nhello",
        ),
        ("Yes.\n##- Please type your reply above this line -##\nhello", "Yes."),
        ("> Which colour?\n> Say it.\nblue", "blue"),
        ("On 3 May 2026, Shop wrote:\n> Which colour?\nblue", "blue"),
        ("> three items", "> three items"),
        ("I wrote to you on Monday and he wrote:\nno", "I wrote to you on Monday and he wrote:\nno"),
        ("Yes.\n2026-05-03 10:12 GMT+02:00 Shop <s@shop.com>:\n\nHello", "Yes."),
        ("It broke.\n2026-05-03 10:12 it works:\nnot", "It broke.\n2026-05-03 10:12 it works:\nnot"),
        ("Yes.\nGet Outlook for iOS<https://aka.ms/x0ukef>", "Yes."),
        ("Yes.\nSent from Outlook for Android <https://aka.ms/x0ukef>", "Yes."),
        ("Yes.\nThx,\nJohn", "Yes."),
        ("Yes.\nWarmly\n\nJohn Doe | Head of IT\nwww.example.com", "Yes."),
        ("Ja.\nLG\nAnna", "Ja."),
        ("Yes.\nBR\nJohn", "Yes."),
        ("Yes.\nJohn Smith\nTel. +44 20 1234 5678", "Yes."),
        ("It is a\nphone 12 pro", "It is a\nphone 12 pro"),
        ("Call me.\nTel. +44 20 1234 5678", "Call me.\nTel. +44 20 1234 5678"),
        ("Yes.\n***\nThis communication is confidential", "Yes."),
        ("Yes.\n-- \nAnn\nACME Ltd", "Yes."),
        ("Yes.\nThanks,\nplease cancel it", "Yes.\nThanks,\nplease cancel it"),
        ("Thanks", "Thanks"),
        ("Best regards\nAnn", "Best regards\nAnn"),
        ("Von meinem iPhone gesendet", "Von meinem iPhone gesendet"),
        ("I <3 it, mail <ann@x.com> if a < b", "I <3 it, mail <ann@x.com> if a < b"),
        ("the <div> in your widget", "the <div> in your widget"),
        ("<p>mail <ann@x.com> if a < b</p>", "mail <ann@x.com> if a < b"),
        ("R&amp;D<br>two<o:p></o:p>", "R&D\ntwo"),
        ("blue\n> 5 items", "blue\n> 5 items"),
        ("Hi.\nOn my phone the shop wrote:\nno", "Hi.\nOn my phone the shop wrote:\nno"),
        (
            "I fly.\nFrom: here\n1\n2\n3\nDate: there\nwhat now",
            "I fly.\nFrom: here\n1\n2\n3\nDate: there\nwhat now",
        ),
        ("Cancel it.\nRegards\nAnn\nWhen is it done?", "Cancel it.\nRegards\nAnn\nWhen is it done?"),
        ("Yes.\n--\n" + "one more\n" * 8 + "wish", "Yes.\n--\n" + "one more\n" * 8 + "wish"),
        ("Yes.\nConfidentiality notice\n" + "Who are you? " * 9, "Yes."),
        ("Yes.\r-- \rAnn", "Yes."),
        ("<p>Yes.</p><blockquote type='cite'>Which?</blockquote>", "Yes."),
        ("<p>Yes:</p><blockquote>Which?</blockquote>", "Yes:\n\nWhich?"),
        ("<style>p {x}</style><div class='gmail_quote'>only that</div>", "only that"),
        ("<style>p {x}</style><p>hi</p><div class='gmail_signature'>Ann</div>", "hi"),
        ("<div class='gmail_quote'>only this <div>and</div> that</div>", "only this\nand\nthat"),
        (
            "<div>own</div><div class='gmail_quote'>a <div>b</div><br class='gmail_quote'> c</div> after",
            "own\n\nafter",
        ),
    ],
)
def test_only_what_a_mail_program_marks_is_removed(text: str, clean: str) -> None:
    assert clean_mail(text).text == clean


@pytest.mark.parametrize(
    ("subject", "clean"),
    [
        ("RE: AW: [Ticket #123] Lost <b>parcel</b>", "Lost parcel"),
        ("(no subject)", ""),
        ("Refund?", "Refund?"),
    ],
)
def test_a_subject_loses_prefixes_and_numbers(subject: str, clean: str) -> None:
    assert clean_subject(subject) == clean


@pytest.mark.parametrize(
    "markup", ["<![foo[x]]>", "<![ x", "<!x [<!ENTITY a>]>", f"&#{'9' * 5000};", f"<a b='&#{'9' * 5000};'>"]
)
def test_markup_that_the_parser_cannot_take_costs_no_more_than_itself(markup: str) -> None:
    cleaned = clean_mail(f"<p>Where is my order?</p>{markup}")
    assert cleaned.text.startswith("Where is my order?")


HOSTILE = {
    "blank lines": "a{}b", "log lines": "{}", "quoted lines": "{}", "unclosed tags": "<br>{}", "attributes": "<br>{}",
    "unclosed comments": "<br>{}", "unclosed sections": "<br>{}", "closings": "hello\n{}",
}  # fmt: skip
UNITS = {
    "blank lines": "\n", "log lines": "a line of a log\n", "quoted lines": "> a\nb\n", "unclosed tags": "<a",
    "attributes": "<a b=", "unclosed comments": "<!--", "unclosed sections": "<![CDATA[", "closings": "regards\n",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_cleaned_in_linear_time(name: str) -> None:
    assert_linear(lambda count: clean_mail(HOSTILE[name].format(UNITS[name] * count)))


def test_a_subject_of_many_prefixes_is_cleaned_in_linear_time() -> None:
    assert clean_subject("Re: [#12] AW[2]:  fwd : hello") == "hello"
    assert_linear(lambda count: clean_subject("re:" * 30 * count))


def test_a_json_object_of_many_keys_is_refused_for_the_last_in_linear_time() -> None:
    def refused(count: int) -> None:
        with pytest.raises(ValueError, match="the key 'last' occurs twice"):
            parse_json("{" + "".join(f'"{n}": 1, ' for n in range(count)) + '"last": 1, "last": 2}')

    assert_linear(refused)


@pytest.mark.parametrize("unit", ["Agent: x\n", "10:00 ", "a ", "[10:00] a", "1.1.1", "a\n"])
def test_a_hostile_transcript_is_read_in_linear_time(unit: str) -> None:
    assert_linear(lambda count: customers_words(f"Agent: hi\n[10:00] {unit * 10 * count}"))


def assert_linear(run: Callable[[int], object]) -> None:
    """Four times the text takes at most eight times the processor time: 4 is linear, 16 is quadratic."""
    ratios = []
    for _ in range(6):
        ratios.append(_seconds(run, 4_000) / _seconds(run, 1_000))
        if ratios[-1] < 8:
            return
    raise AssertionError(f"time(4n) / time(n) is {min(ratios):.1f}")


def _seconds(run: Callable[[int], object], count: int) -> float:
    best = float("inf")
    for _ in range(2):
        began = time.thread_time()
        run(count)
        best = min(best, time.thread_time() - began)
    return best


def test_a_folder_of_e_mails_is_read_as_mails_and_not_line_by_line(tmp_path: Path) -> None:
    mail = (
        "From ann@x.com Mon May  3\nFrom: ann@x.com\nTo: b@x.com\nSubject: =?utf-8?q?R=C3=BCckgabe?=\n\n{}\n"
    )
    quoted = "I sent it back\n\n> Hello\n> there"
    for name, text in (("refund/1.txt", quoted), ("delivery/1.txt", "where is it")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(mail.format(text), encoding="utf-8")
    corpus = read_corpus(tmp_path)
    rows = dict(zip(corpus.table["intent"], corpus.table["message"], strict=True))
    assert rows == {"refund": "Rückgabe. I sent it back", "delivery": "Rückgabe. where is it"}
    assert "2 e-mails, one per file" in said(corpus)
    assert "quoted replies are removed" in said(corpus)


def mailbox(folder: Path, *mails: tuple[str, str]) -> Loaded:
    """Read e-mails of these senders and recipients, every second with another intent; the text is the number."""
    for n, (sender, recipient) in enumerate(mails):
        path = folder / "ab"[n % 2] / f"{n:02}.eml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"From: X <{sender}>\nTo: {recipient}\nSubject: x\n\ntext {n}\n", encoding="utf-8")
    return read_corpus(folder)


def numbers(corpus: Loaded) -> list[int]:
    return sorted(int(message.rpartition(" ")[2]) for message in corpus.table["message"])


SHOP = "Help@shop.com"
WRITTEN = [("ann@x.com", SHOP), ("joe@y.com", f"Shop <{SHOP}>")]


@pytest.mark.parametrize("shop", ["help@shop.com", "bob@shop.com", "Bob@Shop.com"])
def test_e_mails_from_the_address_or_domain_to_which_customers_write_are_agents(
    shop: str, tmp_path: Path
) -> None:
    corpus = mailbox(tmp_path, *WRITTEN, (shop, "ann@x.com"), (shop, "ann@x.com"), (shop, "joe@y.com"))
    assert numbers(corpus) == [0, 1]
    assert f"not taken: 3 that agents wrote ({shop.lower()})" in said(corpus)


@pytest.mark.parametrize(
    "mails",
    [
        [("ann@shop.com", SHOP), ("joe@shop.com", SHOP)],
        [("ann@mail.com", "a@mail.com"), ("joe@mail.com", "a@mail.com"), ("eve@x.com", "a@mail.com")],
        [("ann@x.com", "a@shop.com"), ("joe@y.com", "b@shop.com")],
    ],
    ids=["colleagues", "a provider", "many addresses"],
)
def test_customers_with_the_shops_domain_are_no_agents(mails: list[tuple[str, str]], tmp_path: Path) -> None:
    corpus = mailbox(tmp_path, *mails)
    assert numbers(corpus) == list(range(len(mails)))
    assert "agents" not in said(corpus)


def test_an_e_mail_in_no_folder_or_in_an_unknown_encoding_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "refund").mkdir()
    (tmp_path / "refund" / "1.eml").write_bytes(
        b"Subject: hi\nContent-Type: text/plain; charset=nope\n\nhello"
    )
    (tmp_path / "2.eml").write_bytes(b"From: ann@x.com\n\nhello")
    corpus = read_corpus(tmp_path)
    assert "an e-mail that cannot be read: unknown encoding: nope" in said(corpus)
    assert "put it into one with the name of its intent" in said(corpus)


JIRA = (
    *("Summary", "Issue key", "Issue Type", "Labels", "Labels", "Description", "Comment", "Comment"),
    "Custom field (Request Type)",
)


def jira(kinds: list[str], labels: list[tuple[str, str]]) -> list[tuple[str, ...]]:
    return [
        (f"VPN {n}", f"ITS-{n}", "Service", *found, f"no access {n}", "03/Mar/26;5c8a;tried it?", "", kind)
        for n, (kind, found) in enumerate(zip(kinds, labels, strict=True))
    ]


def test_the_table_of_jira_is_read_with_its_request_type(tmp_path: Path) -> None:
    rows = jira(["VPN", "Printer", "VPN", ""], [("north", ""), ("urgent", "2026"), ("", ""), ("", "")])
    corpus = read_corpus(table(tmp_path / "jira.csv", JIRA, rows))
    assert corpus.table["message"].tolist() == [f"VPN {n}. no access {n}" for n in range(3)]
    assert corpus.table["intent"].tolist() == ["VPN", "Printer", "VPN"]
    assert "(others: 'Labels': --intent-column)" in said(corpus)
    assert "not taken: 1 tickets without a label in 'Custom field (Request Type)'" in said(corpus)


def test_columns_that_jira_repeats_are_one_label(tmp_path: Path) -> None:
    rows = jira([""] * 4, [("vpn", "urgent"), ("urgent", "printer"), ("vpn", ""), ("printer", "")])
    file = table(tmp_path / "jira.csv", JIRA, rows)
    assert "several tags: vpn, urgent" in said(read_corpus(file))
    named = read_corpus(file, Columns(tags=("vpn", "printer")))
    assert named.table["intent"].tolist() == ["vpn", "printer"] * 2
    assert not named.problems


def test_the_table_of_servicenow_is_read_as_tickets(tmp_path: Path) -> None:
    header = ("number", "short_description", "description", "category", "state")
    rows = [
        (f"INC{n}", f"Order {n}", BODIES[n % 2], ("delivery", "cancel")[n % 2], "new") for n in range(COUNT)
    ]
    assert_customers_words(read_corpus(table(tmp_path / "incident.csv", header, rows)))


def test_a_summary_without_a_description_is_no_ticket(tmp_path: Path) -> None:
    rows = [(f"short {n}", f"<b>long</b> {n}", "ab"[n % 2]) for n in range(4)]
    corpus = read_corpus(table(tmp_path / "texts.csv", ("summary", "text", "label"), rows))
    assert corpus.table["message"][0] == "<b>long</b> 0"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("h3. Problem\n\nThe VPN drops.", "Problem The VPN drops."),
        ("{color:#172b4d}Hi team,{color}\n\nno *wifi* here", "Hi team, no wifi here"),
        ("It says\n{noformat}\nerror 0x80\n{noformat}\nagain", "It says error 0x80 again"),
        ("{code:java}x = a * b * c{code}", "x = a * b * c"),
        ("see [the manual|https://x.example/a] please", "see the manual please"),
        ("Dear [~accountid:5d1], no toner", "Dear, no toner"),
        ("!screen shot.png|thumbnail!\nit is black", "it is black"),
        ("||Room||Device||\n|2.14|PC-7|\n\nis broken", "Room Device 2.14 PC-7 is broken"),
        ("{quote}tried it?{quote}\nyes, no change", "yes, no change"),
        ("{quote}only this{quote}", "only this"),
        ("a *b* c", "a *b* c"),
        ("5 * 3 * 2 and my_old_name", "5 * 3 * 2 and my_old_name"),
        ("great! really {nice} [sic]!", "great! really {nice} [sic]!"),
    ],
)
def test_jiras_markup_is_converted_and_what_only_looks_like_it_stays(written: str, read: str) -> None:
    assert " ".join(clean_mail(written).text.split()) == read


def test_long_markup_takes_no_longer_than_its_length() -> None:
    def seconds(count: int) -> float:
        text = "{noformat}" + "[a|{quote}*_!" * count
        start = time.process_time()
        clean_mail(text)
        return time.process_time() - start

    seconds(1_000)
    assert seconds(40_000) < 40 * max(seconds(4_000), 0.001)


HEADER = ("id", "subject", "description", "direction", "tags", "solved_at")


def export(folder: Path, form: str, *, more: bool = False) -> Path:
    """Write 24 messages, half of them of agents; half of each have a last cell, others lack it or have one more."""
    rows = [
        [n, f"Order {n}", f"{who} say number {n}", direction, ("delivery", "cancel")[n % 2]]
        + (["2026-05-03"] if n % 4 < 2 else ["", ""] if more else [])
        for n in range(12)
        for who, direction in (("customers", "inbound"), ("agents", "outbound"))
    ]
    file = folder / f"tickets.{form}"
    if form == "xlsx":
        book = openpyxl.Workbook()
        for row in (HEADER, *rows):
            book.active.append(row)
        book.save(file)
    else:
        with file.open("w", newline="") as stream:
            csv.writer(stream).writerows([HEADER, *rows])
    return file


@pytest.mark.parametrize(("form", "more"), [("xlsx", False), ("csv", False), ("csv", True)])
def test_agents_are_left_out_of_rows_without_the_last_cell_too(form: str, more: bool, tmp_path: Path) -> None:
    loaded = read_corpus(export(tmp_path, form, more=more))
    assert len(loaded.table) == 12
    assert not [message for message in loaded.table["message"] if "agents" in message]
    assert not loaded.problems


def test_a_ticket_without_its_label_or_shifted_by_a_comma_is_named(tmp_path: Path) -> None:
    file = export(tmp_path, "csv")
    with file.open("a") as stream:
        stream.write(
            "90,Order 90,where is it,inbound\n91,Order 91,hello, i want it,inbound,delivery,2026-05-03\n"
        )
    loaded = read_corpus(file)
    assert len(loaded.table) == 12
    assert [problem.line for problem in loaded.problems] == [26, 27]


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ({"requester": lambda b, t, n: {"tags": [("vip", "new")[n % 2]]}}, "tags"),
        ({"customer": lambda b, t, n: {"category": ("gold", "silver")[n % 2]}}, "tags"),
        ({"group": {"description": "Team of orders", "body": "about us"}}, "category"),
        ({"attachments": lambda b, t, n: [{"type": f"image {n}", "text": "a.png"}]}, "type"),
        ({"satisfaction_rating": {"comment": "nice", "reason": "fast"}}, "reason"),
        ({"thread": lambda b, t, n: {"text": "older", "intent": f"no {n}"}}, "tags"),
    ],
    ids=["requester", "customer", "group", "attachments", "rating", "deeper"],
)
def test_the_tickets_own_fields_come_before_those_of_what_belongs_to_it(
    tmp_path: Path, more: dict[str, Any], label: str
) -> None:
    for wrapped in (False, True):
        content = tickets(**more, subject="S", body=lambda b, t, n: f"text {n}", **{label: lambda b, t, n: t})
        content = [{"fields": ticket} for ticket in content] if wrapped else content
        corpus = loaded(tmp_path / "export.json", content)
        assert corpus.table["message"].tolist() == [f"text {n}" for n in range(COUNT)]
        assert corpus.table["intent"].tolist() == ["delivery", "cancel"] * 2


def test_an_excerpt_is_read_where_no_whole_text_is_or_an_option_names_it(tmp_path: Path) -> None:
    content = tickets(
        subject="S", preview=lambda b, t, n: f"part {n}", thread={"body": "whole"}, tags=lambda b, t, n: [t]
    )
    assert loaded(tmp_path / "export.json", content).table["message"][0] == "whole"
    asked = loaded(tmp_path / "export.json", content, Columns(message="preview"))
    assert asked.table["message"][0] == "part 0"
    for ticket in content:
        del ticket["thread"]
    assert loaded(tmp_path / "export.json", content).table["message"][0] == "part 0"


def test_a_description_of_the_kind_of_issue_is_not_the_message(tmp_path: Path) -> None:
    content = tickets(
        summary=lambda b, t, n: f"text {n}",
        issuetype={"description": "A request"},
        labels=lambda b, t, n: [t],
    )
    with pytest.raises(CorpusError, match="no message column"):
        loaded(tmp_path / "export.json", content)


def test_a_field_within_a_field_is_named_where_it_is_read(tmp_path: Path) -> None:
    content = tickets(data=lambda b, t, n: {"text": f"text {n}"}, intent=lambda b, t, n: t)
    corpus = loaded(tmp_path / "export.json", content)
    assert "'data.text' is read as the message: fields within fields" in said(corpus)
    asked = loaded(tmp_path / "export.json", content, Columns(message="data.text"))
    assert "fields within fields" not in said(asked)
    entities = tickets(entities=[{"text": "Rome"}], utterance_text=lambda b, t, n: f"text {n}", intent="a")
    assert loaded(tmp_path / "export.json", entities).table["message"][0] == "text 0"


def test_of_a_ticket_with_several_rows_the_customers_first_is_taught(tmp_path: Path) -> None:
    header = ("Conversation ID", "Direction", "Subject", "Extract", "Tags")
    rows = [
        ("c1", "Outbound", "Hello", "we are here", "refund"),
        ("c1", "Inbound", "Refund", "my money", "refund"),
        ("c1", "Inbound", "Re: Refund", "you are the best", "refund"),
        ("c2", "Inbound", "Parcel", "where is it", "delivery"),
        ("c2", "Inbound", "Re: Parcel", "ok", "delivery"),
        ("", "Inbound", "Lost", "it is lost", "delivery"),
        ("", "Inbound", "Late", "it is late", "delivery"),
    ]
    corpus = read_corpus(table(tmp_path / "export.csv", header, rows))
    messages = ["Refund. my money", "Parcel. where is it", "Lost. it is lost", "Late. it is late"]
    assert corpus.table["message"].tolist() == messages
    assert "not taken: 2 later messages of a ticket, of which the first row is read" in said(corpus)
    twice = [(*rows[1][:4], "refund"), (*rows[1][:4], "vip"), rows[3]]
    assert len(read_corpus(table(tmp_path / "tags.csv", header, twice)).table) == 3
