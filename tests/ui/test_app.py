"""The page's script without a browser: what is on the page, and what each button does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from chatbot.errors import SettingError
from tests.bento.server import Server
from tests.ui.fake_api import INTENTS, FakeApi, answer
from ui.chat import texts
from ui.chat.client import FailureKind, Intent
from ui.chat.conversation import DeliveryState, Exchange
from ui.chat.views import failure_text, starters

pytestmark = pytest.mark.process

RunPage = Callable[..., AppTest]


def html(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def labels(page: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in page.button]


def say(page: AppTest, message: str) -> AppTest:
    assert not page.exception
    page.chat_input(key="message").set_value(message).run()
    assert not page.exception
    return page


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception
    return page


# With the real service


def test_a_question_is_answered_with_intent_and_confidence(api: Server, app: RunPage) -> None:
    page = say(app(api.url), "I want to get a refund for my order")
    assert "I want to get a refund for my order" in html(page)
    assert 'role="meter"' in html(page)
    assert "refund</strong>" in html(page)
    assert {"Yes", "No"} <= set(labels(page))


def test_the_conversation_keeps_its_history(api: Server, app: RunPage) -> None:
    page = app(api.url)
    for message in ("first question", "second question", "third question"):
        say(page, message)
    shown = html(page)
    assert shown.index("first question") < shown.index("second question") < shown.index("third question")


def test_the_button_for_a_person_hands_over(api: Server, app: RunPage) -> None:
    page = press(app(api.url), "person")
    assert "Passed on to our team" in html(page)
    assert "Nobody can answer you in this chat" in html(page)


def test_the_operator_says_how_a_handoff_is_answered(fake: FakeApi, app: RunPage) -> None:
    page = press(app(fake.url, CHATBOT_UI_HANDOFF_ANSWER="We call you back within an hour."), "person")
    assert "We call you back within an hour." in html(page)
    assert "Nobody can answer" not in html(page)


def test_after_a_handoff_the_page_asks_how_to_reach_the_customer(fake: FakeApi, app: RunPage) -> None:
    fake.reply = lambda message: answer(
        "contact_human_agent", 1.0, "rule", handoff=True, prediction_id="p1", contact_token="t1"
    )
    page = press(app(fake.url), "person")
    path = "/handoffs/p1/contact"

    def leave(text: str) -> str:
        page.text_input(key="contact-text-1").set_value(text)
        press(page, "contact-send-1")
        return html(page)

    leave("  ")
    assert fake.bodies(path) == []
    fake.fail(path, 422)
    assert "needs a complete e-mail address" in leave("jane@")
    fake.fail(path, 503)
    assert "could not be stored" in leave("jane@example.com")
    assert "A colleague can reach you now" in leave("jane@example.com")
    assert fake.bodies(path)[-1] == {"contact": "jane@example.com", "contact_token": "t1"}
    assert not page.text_input


def test_a_handoff_without_a_token_asks_for_no_contact_data(fake: FakeApi, app: RunPage) -> None:
    assert not press(app(fake.url), "person").text_input


def test_a_handoff_is_not_rated(fake: FakeApi, app: RunPage) -> None:
    page = press(app(fake.url), "person")
    assert not [b for b in page.button if str(b.key).startswith(("up-", "down-"))]


def test_a_choice_of_a_clarification_shows_that_intents_reply(
    api: Server, unclear: str, app: RunPage
) -> None:
    page = say(app(api.url), unclear)
    choice = next(
        b for b in page.button if str(b.key).startswith("choice-1-") and not str(b.key).endswith("none")
    )
    known = {i["name"]: i for i in _intents(api)}
    intent = str(choice.key).removeprefix("choice-1-")
    press(page, str(choice.key))
    assert "You chose" in html(page)
    assert known[intent]["reply"][:40].split("http")[0] in html(page)
    assert not [b for b in page.button if str(b.key).startswith("choice-1-")]


def test_the_starters_come_from_the_intents_that_are_served(api: Server, app: RunPage) -> None:
    page = app(api.url)
    begin = [b for b in page.button if str(b.key).startswith("starter-")]
    assert begin
    assert all(b.label.replace("\\", "").endswith("?") for b in begin)
    press(page, "starter-0")
    assert begin[0].label.replace("\\", "") in html(page)
    assert "Understood as" in html(page)
    assert not [b for b in page.button if str(b.key).startswith("starter-")]


def test_feedback_reaches_the_real_service(api: Server, app: RunPage) -> None:
    before = api.metric(r"\w*feedback\w*total")
    page = say(app(api.url), "I want to get a refund for my order")
    press(page, "up-1")
    assert "Thank you for telling us." in html(page)
    assert api.metric(r"\w*feedback\w*total") == before + 1


def _intents(api: Server) -> list[dict[str, object]]:
    import json

    return json.loads(api.get("/intents")[1])


# What the page says of itself


def test_the_page_says_from_the_start_that_it_is_an_automated_assistant(fake: FakeApi, app: RunPage) -> None:
    shown = html(app(fake.url))
    assert "Automated assistant" in shown
    assert "I am an automated assistant" in shown
    assert "You are writing with an automated assistant" in shown


def test_a_person_is_offered_whatever_happens(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    assert "Talk to a person" in labels(page)
    for message in ("parcel", "unclear", "strange"):
        assert "Talk to a person" in labels(say(page, message))
    fake.stop()
    assert "Talk to a person" in labels(say(page, "anybody there?"))


def test_the_privacy_notice_is_the_pages_own(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    assert 'href="?notice=privacy"' in html(page)
    page.query_params["notice"] = "privacy"
    shown = html(page.run())
    for part in ("Privacy notice", "What is stored", "How long", "Your rights", "support@example.com"):
        assert part in shown
    assert not page.chat_input


def test_the_privacy_notice_of_the_company_is_linked_where_it_is_set(fake: FakeApi, app: RunPage) -> None:
    shown = html(app(fake.url, CHATBOT_UI_PRIVACY_URL="https://shop.example.com/privacy?a=1&b=2"))
    assert 'href="https://shop.example.com/privacy?a=1&amp;b=2"' in shown
    assert "notice=privacy" not in shown


def test_the_company_and_its_contact_come_from_the_settings(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url, CHATBOT_SLOT_COMPANY="Teapots & Sons", CHATBOT_SLOT_SUPPORT_PHONE="555-TEA")
    assert "Teapots &amp; Sons support" in html(page)
    assert "555-TEA" in html(press(page, "person"))


def test_the_page_speaks_the_language_that_is_set(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url, CHATBOT_UI_LANGUAGE="de")
    assert "Ich bin ein automatischer Assistent" in html(page)
    assert 'data-lang="de"' in html(page)
    assert page.chat_input(key="message").placeholder == "Ihre Nachricht"
    press(page, "person")
    assert fake.bodies("/chat")[0]["message"] == "I want to talk to a human"
    assert "Mit einem Menschen sprechen" in html(page)


# Starters


def intent(name: str, category: str) -> Intent:
    return Intent(name=name, category=category)


def test_preferred_intents_come_first_and_other_categories_fill_up() -> None:
    intents = [intent("a_one", "A"), intent("a_two", "A"), intent("b_one", "B"), intent("c_one", "C")]
    assert [i.name for i in starters(intents, ["c_one", "unknown"])] == ["c_one", "a_one", "b_one"]
    assert [i.name for i in starters(intents, ["c_one", " a_two "])] == ["c_one", "a_two", "b_one"]


def test_a_person_is_not_a_starter_because_the_header_offers_one() -> None:
    assert starters([intent("contact_human_agent", "CONTACT")], ["contact_human_agent"]) == []


def test_the_setting_says_which_starters_there_are(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url, CHATBOT_UI_STARTERS="track_refund,track_order")
    assert [b.label.replace("\\", "") for b in page.button if str(b.key).startswith("starter-")][:2] == [
        "Can you help me with “Track a refund”?",
        "Where is my order?",
    ]
    press(page, "starter-1")
    assert fake.bodies("/chat")[0]["message"] == "Track an order"


def test_there_are_four_starters_at_most() -> None:
    assert len(starters([intent(f"i{n}", f"c{n}") for n in range(9)], [])) == 4


def test_markdown_in_a_title_or_an_example_is_not_rendered(fake: FakeApi, app: RunPage) -> None:
    hostile = "![x](https://evil.example/x.png) :smile:"
    fake.intents = [{**INTENTS[0], "name": "bold", "title": "**bold** :smile: and $x$"}]
    fake.reply = lambda _: answer(
        "track_order",
        0.4,
        "clarify",
        alternatives=[{"intent": "track_order", "confidence": 0.4, "title": hostile}],
    )
    page = app(fake.url)
    assert r"“\*\*bold\*\* \:smile\: and \$x\$”" in page.button(key="starter-0").label
    say(page, "unclear")
    label = page.button(key="choice-1-track_order").label
    assert label.startswith(r"\!\[x\]\(https\:")


# Feedback


def test_a_thumb_down_asks_for_the_right_intent_and_a_comment(fake: FakeApi, app: RunPage) -> None:
    page = press(say(app(fake.url), "parcel"), "down-1")
    page.selectbox(key="intent-1").select("track_refund")
    page.text_area(key="comment-1").set_value("I meant the money")
    send = next(b for b in page.button if str(b.key) == "send-1")
    send.click().run()
    first, second = fake.bodies("/feedback")
    assert first["helpful"] is False
    assert second == {**first, "intent": "track_refund", "comment": "I meant the money"}
    assert "Thank you" in html(page)
    assert not page.text_area


def test_more_than_the_thumb_down_is_optional(fake: FakeApi, app: RunPage) -> None:
    page = press(say(app(fake.url), "parcel"), "down-1")
    next(b for b in page.button if str(b.key) == "skip-1").click().run()
    assert "Thank you" in html(page)
    assert len(fake.bodies("/feedback")) == 1


def test_feedback_that_could_not_be_sent_says_so_and_keeps_what_was_typed(
    fake: FakeApi, app: RunPage
) -> None:
    page = press(say(app(fake.url), "parcel"), "down-1")
    page.text_area(key="comment-1").set_value("I meant the money")
    fake.fail("/feedback", 500)
    next(b for b in page.button if str(b.key) == "send-1").click().run()
    assert "could not be sent" in html(page)
    assert page.text_area(key="comment-1").value == "I meant the money"
    next(b for b in page.button if str(b.key) == "send-1").click().run()
    assert "Thank you" in html(page)
    assert fake.bodies("/feedback")[-1]["comment"] == "I meant the money"


def test_a_choice_is_noted_as_the_right_intent(fake: FakeApi, app: RunPage) -> None:
    page = press(say(app(fake.url), "unclear"), "choice-1-track_refund")
    noted = fake.bodies("/feedback")
    assert [(body["helpful"], body["intent"]) for body in noted] == [(False, "track_refund")]
    assert "Your refund&#39;s progress" in html(page)


def test_none_of_the_choices_leads_to_a_person(fake: FakeApi, app: RunPage) -> None:
    page = press(say(app(fake.url), "unclear"), "choice-1-none")
    assert "Passed on to our team" in html(page)


# When the API does not answer


def test_a_message_to_an_unavailable_api_is_kept_and_can_be_sent_again(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    fake.stop()
    say(page, "where is my parcel")
    assert "We cannot be reached right now" in html(page)
    assert "where is my parcel" in html(page)
    fake.start()
    press(page, "retry-1")
    assert "shows where your parcel is" in html(page)
    assert "cannot be reached" not in html(page)


def test_one_card_speaks_for_all_messages_that_could_not_be_sent(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    fake.stop()
    for message in ("where is my parcel", "and my refund", "anybody there"):
        say(page, message)
    assert html(page).count('role="alert"') == 1
    assert html(page).count("Not sent yet") == 2
    assert "This page connects by itself" not in html(page)
    fake.start()
    press(page, "retry-3")
    assert len(fake.bodies("/chat")) == 3
    assert "Not sent yet" not in html(page)


def test_a_page_opened_while_the_api_is_unavailable_says_so(fake: FakeApi, app: RunPage) -> None:
    fake.stop()
    page = app(fake.url)
    assert not page.exception
    assert "This page connects by itself" in html(page)


@pytest.mark.parametrize(
    ("status", "words"),
    [(500, "Something went wrong on our side"), (504, "No answer came back"), (503, "We cannot be reached")],
)
def test_an_error_message_is_in_the_customers_words(
    fake: FakeApi, app: RunPage, status: int, words: str
) -> None:
    page = app(fake.url)
    fake.fail("/chat", status, "internal")
    shown = html(say(page, "hello there"))
    assert words in shown
    assert str(status) not in shown
    assert "internal" not in shown
    assert page.button(key="retry-1").label == "Try again"


def test_a_message_that_is_no_longer_tried_is_not_promised_to_be_sent() -> None:
    turn = Exchange(1, "hello", "hello", DeliveryState.AWAY, problem=FailureKind.AWAY)
    assert failure_text(turn) == "away"
    turn.state = DeliveryState.FAILED
    assert failure_text(turn) == "overrun"


def test_a_busy_api_is_given_its_time_and_the_page_says_so(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    fake.fail("/chat", 429, "overloaded", Retry_After="1")
    shown = html(say(page, "where is my parcel"))
    assert "Many people are writing right now" in shown
    assert "Sent again in 1 s" in shown
    page.session_state["conversation"].turns[0].due = 0
    page.run()
    assert "shows where your parcel is" in html(page)


def test_a_message_that_is_too_long_comes_back_with_the_limit(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    details = [{"field": "message", "problem": "too long", "limit": 4000}]
    fake.fail("/chat", 422, "invalid", details)
    shown = html(say(page, "long " * 900))
    assert "4500 characters, and at most 4000" in shown
    assert "bubble you" not in shown


def test_a_message_that_the_api_cannot_read_comes_back(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    fake.fail("/chat", 422, "invalid", [{"field": "message", "problem": "empty"}])
    assert "cannot read this message" in html(say(page, "\u200b"))


def test_no_text_of_an_exception_ever_reaches_the_page(fake: FakeApi, app: RunPage) -> None:
    page = app(fake.url)
    fake.reply = lambda _: {"unexpected": True}
    assert "Something went wrong on our side" in html(say(page, "hello there"))
    assert not page.exception


# Starting


def test_a_setting_that_cannot_work_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from chatbot.settings import ChatPageSettings

    monkeypatch.setenv("CHATBOT_UI_PORT", "http")
    with pytest.raises(SettingError, match="CHATBOT_UI_PORT='http'"):
        ChatPageSettings()


def test_every_text_the_page_has_is_loaded_once_not_at_every_click(
    fake: FakeApi, app: RunPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = app(fake.url)
    monkeypatch.setattr(texts, "load", lambda *_: pytest.fail("read again"))
    say(page, "parcel")
