"""Rules, then the model, then thresholds: answer, clarify or human."""

import re

import pytest

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.router import Alternative, Prediction, Router, Thresholds
from chatbot.dialog.rules import Rules
from chatbot.errors import SettingError
from chatbot.settings import RouterSettings, SlotSettings
from tests.support.rules import shipped_rules

THRESHOLDS = Thresholds(answer=0.8, clarify=0.7, scope=-1.0)
REPLIES = Replies(
    {name: ReplyText(response=f"the reply of {name}") for name in ("refund", "track", "invoice")}
)


@pytest.fixture
def router() -> Router:
    return Router(shipped_rules(), REPLIES, THRESHOLDS, SlotSettings().values())


@pytest.fixture
def english() -> Router:
    return Router(shipped_rules(), REPLIES, THRESHOLDS, SlotSettings().values(), languages=("en",))


def predicted(*shares: float, scope: float = 0.0) -> Prediction:
    return Prediction(
        [Alternative(n, s) for n, s in zip(("refund", "track", "invoice"), shares, strict=False)], scope
    )


def test_a_sure_prediction_is_answered_with_its_reply(router: Router) -> None:
    reply = router.after_model("money back", predicted(0.9, 0.05, 0.05))
    assert (reply.source, reply.intent, reply.response) == ("model", "refund", "the reply of refund")
    assert not reply.handoff


def test_between_two_intents_the_customer_is_asked_which(router: Router) -> None:
    reply = router.after_model("my money", predicted(0.5, 0.4, 0.02))
    assert reply.source == "clarify"
    assert [choice.intent for choice in reply.alternatives] == ["refund", "track"]


def test_three_choices_are_offered_when_two_are_not_enough(router: Router) -> None:
    reply = router.after_model("my money", predicted(0.3, 0.25, 0.2))
    assert [choice.intent for choice in reply.alternatives] == ["refund", "track", "invoice"]


def test_what_is_unlike_anything_taught_goes_to_a_human_however_sure_the_model_is(router: Router) -> None:
    reply = router.after_model("sing me a song", predicted(0.99, scope=-1.5))
    assert (reply.source, reply.intent, reply.handoff) == ("human", OUT_OF_SCOPE, True)


def test_too_little_confidence_for_choices_goes_to_a_human(router: Router) -> None:
    reply = router.after_model("hm", predicted(0.3, 0.2, 0.1))
    assert (reply.source, reply.handoff) == ("human", True)


@pytest.mark.parametrize(
    ("shares", "scope", "source"),
    [
        ((0.8, 0.1, 0.1), 0.0, "model"),
        ((0.79, 0.1, 0.1), 0.0, "clarify"),
        ((0.375, 0.25, 0.125), 0.0, "clarify"),
        ((0.9, 0.05, 0.05), -1.0, "model"),
        ((0.9, 0.05, 0.05), -1.001, "human"),
    ],
)
def test_a_threshold_itself_is_enough(shares: tuple[float, ...], scope: float, source: str) -> None:
    thresholds = Thresholds(answer=0.8, clarify=0.75, scope=-1.0)
    router = Router(Rules(()), REPLIES, thresholds, SlotSettings().values())
    assert router.after_model("money", predicted(*shares, scope=scope)).source == source


def test_two_choices_whose_confidences_sum_to_the_threshold_are_not_joined_by_a_third() -> None:
    thresholds = Thresholds(answer=0.8, clarify=0.75, scope=-1.0)
    router = Router(Rules(()), REPLIES, thresholds, SlotSettings().values())
    reply = router.after_model("money", predicted(0.5, 0.25, 0.125))
    assert [choice.intent for choice in reply.alternatives] == ["refund", "track"]


def test_the_agents_summary_names_the_guesses_and_holds_no_personal_data(router: Router) -> None:
    reply = router.after_model("write to jane@example.com", predicted(0.3, 0.2, 0.1))
    assert "refund 30%" in reply.summary
    assert "jane@example.com" not in reply.summary


def test_a_rule_hands_over_before_the_model_is_asked(router: Router) -> None:
    reply = router.before_model("I will sue you")
    assert reply is not None
    assert (reply.source, reply.handoff, reply.rule) == ("rule", True, "legal_threat")


def test_a_rule_in_another_language_says_so_in_that_language_before_its_own_text(router: Router) -> None:
    english = router.before_model("my lawyer will contact you")
    german = router.before_model("Mein Anwalt wird sich bei Ihnen melden, ich warte seit Wochen")
    assert english is not None
    assert german is not None
    assert (german.rule, german.handoff) == ("legal_threat", True)
    assert german.response.endswith("\n\n" + english.response)
    assert english.response in router.before_model("I will sue you").response  # type: ignore[union-attr]


SMALL_TALK = """yes|Yes!|no|NO.|ok|okay 👍|okkk|sure|help|Help!!|hlep|hi|Hiii|hi, I have a question|hello?
Hello 👋 are you there?|are you there?|anybody there?|thanks|thansk!|ok thanks, bye|yes please
no, thanks|hmm...|what?|I don't know|can you help me?|menu|hola|¿Hola?|gracias|sí|necesito ayuda
hallo|ja|Nein!|danke|ich brauche hilfe|guten Tag, ich habe eine Frage|bonjour|oui|non|merci
j’ai une question|test|how are you?|the first one|good morning!|never mind|that's all, thanks|k
who are you|ciao|Buongiorno!|grazie|olá|bom dia|obrigado|goedemorgen|dank je|hej|tack|God kväll!|mange tak|tusen takk
dzień dobry|Dziękuję bardzo|kiitos|hyvää päivää|merhaba|GÜNAYDIN|teşekkürler|Dobrý den|mulțumesc|hallo zusammen
hola, buenas|bonjour à tous|nein danke|merci pour votre aide|alles klar|non, merci|va bene|tak|nee"""
CONTENT = """hi, I want a refund|ok but where is my order|no refund received|yes, cancel it
help, my parcel is gone|thanks, where is it|are you there on Sundays|hello where is my parcel
I have a question about my invoice|no, I want a human|hola, quiero mi dinero
ja, aber wo ist mein paket|oui mais ma commande|can you help me track my order|test order 5512
what is your address|help center"""


@pytest.mark.parametrize("message", SMALL_TALK.replace("\n", "|").split("|"))
def test_a_message_that_says_nothing_yet_opens_no_ticket(
    router: Router, english: Router, message: str
) -> None:
    reply = router.before_model(clean(message))
    assert reply is not None
    assert (reply.source, reply.handoff) == ("rule", False)
    told = english.before_model(clean(message))
    assert told is not None
    assert (told.rule, told.handoff) == (reply.rule, False)


@pytest.mark.parametrize("message", CONTENT.replace("\n", "|").split("|"))
def test_small_talk_around_a_request_does_not_hide_it(router: Router, message: str) -> None:
    reply = router.before_model(clean(message))
    assert reply is None or reply.rule == "talk_to_human"


@pytest.mark.parametrize("message", ["hi", "yes", "help", "🙂", "what can you do?"])
def test_what_the_bot_says_it_can_do_comes_from_the_corpus_it_serves(message: str) -> None:
    bank = {
        "card_lost": ReplyText(response="-", category="CARDS"),
        "rate": ReplyText(response="-", category="Exchange_Rates"),
    }
    slots = SlotSettings().values()
    said = Router(shipped_rules(), Replies(bank), THRESHOLDS, slots).before_model(message)
    assert said is not None
    assert "You can ask me about: cards, exchange Rates." in said.response
    uncategorised = Replies({f"intent_{number}": ReplyText(response="-") for number in range(77)})
    assert uncategorised.with_topics(slots)["topics"].count(",") == 7
    set_by_hand = Router(shipped_rules(), Replies(bank), THRESHOLDS, slots | {"topics": "money"})
    assert "about: money." in set_by_hand.before_model(message).response  # type: ignore[union-attr]


def test_no_text_of_a_rule_names_the_goods_of_a_shop() -> None:
    said = " ".join(rule.reply or "" for rule in shipped_rules()).lower()
    assert not re.findall(r"\b(?:shop|order|deliver|parcel|refund|invoice)\w*", said)


def test_only_emoji_gets_a_question_and_not_an_error(router: Router) -> None:
    reply = router.before_model("🙂")
    assert reply is not None
    assert reply.source == "clarify"
    assert "?" in reply.response


def test_an_ordinary_message_is_left_to_the_model(router: Router) -> None:
    assert router.before_model("where is my refund") is None


def test_a_setting_overrides_the_learned_threshold() -> None:
    changed = THRESHOLDS.overridden(RouterSettings(answer_threshold=0.1))
    assert changed == Thresholds(answer=0.1, clarify=0.7, scope=-1.0)


def test_a_router_whose_reply_lacks_a_slot_does_not_start() -> None:
    with pytest.raises(SettingError, match="nowhere"):
        Router(
            Rules(()), Replies({"a": ReplyText(response="{nowhere}")}), THRESHOLDS, SlotSettings().values()
        )


@pytest.mark.parametrize(
    ("message", "begins"),
    [
        ("merci", "Je ne comprends"),
        ("hola necesito ayuda", "Todavía no entiendo"),
        ("danke", "Diese Sprache verstehe ich"),
        ("ciao", "Purtroppo non capisco"),
        ("bom dia", "Ainda não entendo"),
        ("dank je wel", "Deze taal begrijp ik"),
    ],
)
def test_small_talk_in_a_language_that_the_bot_does_not_understand_is_told_so_in_it(
    message: str, begins: str, english: Router
) -> None:
    reply = english.before_model(message)
    assert reply is not None
    assert (reply.source, reply.handoff, reply.intent) == ("clarify", False, OUT_OF_SCOPE)
    assert reply.response.startswith(begins)


@pytest.mark.parametrize("message", ["dzień dobry", "tack så mycket", "kiitos"])
def test_small_talk_in_a_language_without_a_text_of_its_own_gets_the_rules_reply(
    message: str, english: Router
) -> None:
    reply = english.before_model(message)
    assert reply is not None
    assert (reply.source, reply.handoff) == ("rule", False)


def test_small_talk_in_a_language_that_the_bot_understands_gets_the_rules_reply() -> None:
    for message, languages in (
        ("thanks", ("en",)),
        ("y", ("en",)),
        ("merci", ("en", "fr")),
        ("merci", ()),
        ("hi", ("de",)),
    ):
        router = Router(shipped_rules(), REPLIES, THRESHOLDS, SlotSettings().values(), languages=languages)
        reply = router.before_model(message)
        assert reply is not None
        assert reply.source == "rule"


@pytest.mark.parametrize(
    ("message", "rule", "handoff"),
    [
        ("my father died, close his account", "bereavement", True),
        ("where is my order? I ordered as a guest", "guest_order", True),
        ("great service, thank you so much!", "praise", False),
    ],
)
def test_the_bereaved_and_guests_reach_a_person_and_praise_is_thanked(
    message: str, rule: str, handoff: bool, router: Router
) -> None:
    reply = router.before_model(clean(message))
    assert reply is not None
    assert (reply.rule, reply.handoff) == (rule, handoff)


@pytest.mark.parametrize(
    ("languages", "begins"),
    [
        (("en", "de"), "Das soll sich lieber"),
        ((), "Das soll sich lieber"),
        (("en",), "Diese Sprache verstehe ich"),
        (("en", "fr"), "Diese Sprache verstehe ich"),
    ],
)
def test_a_rules_handoff_begins_in_the_customers_language(languages: tuple[str, ...], begins: str) -> None:
    router = Router(shipped_rules(), REPLIES, THRESHOLDS, SlotSettings().values(), languages=languages)
    reply = router.before_model("Ich möchte mit einem Mitarbeiter sprechen")
    assert reply is not None
    assert reply.handoff
    assert reply.response.startswith(begins)
    english = router.before_model("I want to talk to a human")
    assert english is not None
    assert english.response.startswith("Of course")
