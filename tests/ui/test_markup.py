"""What the page makes of texts: nothing that comes in is ever read as HTML or Markdown."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from chatbot.dialog.router import HUMAN
from chatbot.ids import new_id
from chatbot.records.handoff import Handoff
from chatbot.settings import SlotSettings
from tests.ui.fake_api import answer
from training.review.handoffs import HandoffCase, Task
from ui.chat import markup, texts
from ui.chat.client import Answer
from ui.shared import templates
from ui.staff_pages import markup as staff_markup

T = texts.load("en", SlotSettings().values())
TITLES = {"get_refund": "Get a refund"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</p></div><h1>Big</h1>",
    "&lt;b&gt;",
    "javascript:alert(1)",
    'https://evil.example/"><script>alert(1)</script>',
    "<a href='https://evil.example'>click</a>",
]


class Reader(HTMLParser):
    """Collects the tags, attributes and text that a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(str(html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def reply(text: str, **more: object) -> Answer:
    return Answer.model_validate(answer("get_refund", 0.8, **{"response": text, **more}))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_customer_writes_is_shown_as_written(text: str) -> None:
    read = Reader(markup.html.said(T, text))
    assert read.text.endswith(text)
    assert set(read.tags) <= {"div", "p", "span"}


def test_what_people_write_runs_in_the_direction_of_its_own_script() -> None:
    task = Task(
        Handoff(prediction_id=new_id(b"k" * 32), message="اين طلبي؟", summary="", intent="", source="human")
    )
    shown = (
        markup.html.said(T, "اين طلبي؟"),
        markup.answered(T, reply("اين طلبي؟"), TITLES),
        staff_markup.handoff(HandoffCase((task,))),
        staff_markup.html.suspect("اين طلبي؟", [("Similar", "اين طلبي؟")]),
    )
    for html in shown:
        assert re.findall(r"([^ ]+)>اين طلبي؟", str(html)) == ['dir="auto"'] * str(html).count("اين طلبي؟")


@settings(deadline=None)
@given(some.text())
def test_whatever_a_customer_writes_is_shown_as_written(text: str) -> None:
    read = Reader(markup.html.said(T, text))
    assert set(read.tags) <= {"div", "p", "span"}
    # Line ends and NUL are the parser's own matter.
    assert read.text.endswith(text) or not text.isprintable()


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("handoff", [False, True])
def test_a_reply_and_a_summary_bring_no_html_of_their_own(text: str, handoff: bool) -> None:
    read = Reader(markup.answered(T, reply(text, handoff=handoff, summary=text), {"get_refund": text}))
    assert not {"script", "img", "svg", "h1"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert not [value for name, value in read.attributes if name == "href" and str(value).startswith("java")]
    assert text in read.text


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("see https://shop.example.com/orders.", "https://shop.example.com/orders"),
        ("(https://shop.example.com/a?b=1&c=2)", "https://shop.example.com/a?b=1&c=2"),
        ("write to support@example.com, please", "mailto:support@example.com"),
        ("call +1 (555) 010-0199.", "tel:+15550100199"),
    ],
)
def test_addresses_in_a_reply_are_links(text: str, href: str) -> None:
    read = Reader(templates.linked(text))
    assert ("href", href) in read.attributes
    assert read.text == text


def test_a_link_in_a_reply_opens_beside_the_chat() -> None:
    attributes = Reader(templates.linked("https://shop.example.com")).attributes
    assert ("target", "_blank") in attributes
    assert ("rel", "noopener noreferrer") in attributes


@pytest.mark.parametrize(
    "text",
    [
        "*bold*",
        "![x](https://evil.example/x.png)",
        "$x^2$",
        ":smile:",
        ":red[x]",
        "[a](b)",
        "`c`",
        "# h",
        "1. a",
    ],
)
def test_every_mark_of_markdown_in_a_label_is_made_plain(text: str) -> None:
    label = templates.label(text)
    assert label.replace("\\", "") == text
    assert all(label[i - 1] == "\\" for i, character in enumerate(label) if character in "*![]($^:`#_.)")


def test_a_label_is_on_one_line() -> None:
    assert templates.label("one\n\n  - two") == "one \\- two"


@pytest.mark.parametrize(
    ("confidence", "word", "percent"),
    [
        (1.0, "very sure", 100),
        (0.9, "very sure", 90),
        (0.7, "quite sure", 70),
        (0.5, "not quite sure", 50),
        (0.1, "unsure", 10),
        (0.0, "unsure", 0),
    ],
)
def test_how_sure_the_bot_is_can_be_seen_read_and_heard(confidence: float, word: str, percent: int) -> None:
    said = Answer.model_validate(answer("get_refund", confidence))
    read = Reader(markup.understood(T, said, TITLES))
    for attribute in [
        ("role", "meter"),
        ("aria-valuenow", str(percent)),
        ("aria-valuetext", word),
        ("aria-label", "How sure the assistant is"),
        ("style", f"width:{percent}%"),
    ]:
        assert attribute in read.attributes
    assert "Understood as Get a refund" in read.text
    assert word in read.text
    assert "%" not in read.text


def test_out_of_scope_gets_no_meter() -> None:
    html = markup.understood(
        T, Answer.model_validate(answer("out_of_scope", 0.4, "human", handoff=True)), TITLES
    )
    assert "This is new to me" in html
    assert "meter" not in html


@pytest.mark.parametrize(
    ("intent", "source", "words"),
    [
        ("get_refund", "rule", "Understood as Get a refund"),
        ("get_refund", "clarify", "Best guess Get a refund"),
        ("get_refund", "human", "Best guess Get a refund"),
        ("get_refund", "choice", "You chose Get a refund"),
        ("not_listed", "model", "Understood as Not listed"),
        ("out_of_scope", "human", "This is new to me"),
    ],
)
def test_the_intent_is_named_in_plain_words(intent: str, source: str, words: str) -> None:
    choices = [{"intent": "get_refund", "confidence": 0.5}]
    said = Answer.model_validate(answer(intent, 0.5, source, alternatives=choices))
    assert Reader(markup.understood(T, said, TITLES)).text.startswith(words)


def test_a_message_that_says_nothing_gets_no_guess() -> None:
    said = Answer.model_validate(answer("out_of_scope", 0.0, "clarify"))
    assert markup.understood(T, said, TITLES) == ""


def test_an_emergency_gets_no_label_and_no_bar() -> None:
    said = Answer.model_validate(answer("self_harm_or_emergency", 1.0, "rule", handoff=True))
    assert markup.understood(T, said, TITLES) == ""


def test_a_handoff_says_how_to_get_an_answer_and_promises_none_in_the_chat() -> None:
    said = answer("out_of_scope", 0.2, "human", response="I pass you on.", handoff=True, prediction_id="01ab")
    said["summary"] = "Rule talk_to_human (likeliest: get_refund 31%). The customer wrote: <ORDER>"
    html = markup.answered(T, Answer.model_validate(said), TITLES)
    read = Reader(html)
    for part in ("Passed on to our team", "I pass you on.", "Nobody can answer you in this chat", "01ab"):
        assert part in read.text
    for part in ("Monday to Friday", "support@example.com", "+1 555 010 0199"):
        assert part in read.text
    assert ("href", "tel:+15550100199") in read.attributes
    assert ("class", "bubble handoff") in read.attributes
    for internal in ("talk_to_human", "%", "<ORDER>", "likeliest"):
        assert internal not in read.text
    how = "We answer by e-mail within a day."
    read = Reader(markup.answered(T, Answer.model_validate(said), TITLES, how))
    assert how in read.text
    assert "Nobody can answer" not in read.text


def test_the_bots_own_words_promise_no_answer_in_the_chat() -> None:
    text = HUMAN.format_map(SlotSettings().values())
    assert "answer you here" not in text
    assert "support@example.com" in text


def test_a_handoff_without_a_phone_shows_no_empty_line() -> None:
    slots = SlotSettings().values() | {"support_phone": ""}
    html = markup.answered(texts.load("en", slots), reply("x", handoff=True), TITLES)
    assert "Phone" not in html
