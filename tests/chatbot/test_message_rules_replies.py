"""What a message is, what rules catch, what replies say."""

import random
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from chatbot.dialog.message import clean, has_words, plain
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.rules import Rule, Rules
from chatbot.errors import BundleError, SettingError
from chatbot.prefilter import required
from chatbot.settings import SlotSettings
from tests.support.requirements import ROOT
from tests.support.rules import shipped_rules

RULES = ROOT / "data/corpus/rules.yaml"


@settings(deadline=None)
@given(st.text())
def test_cleaning_twice_changes_nothing_and_the_result_is_always_utf8(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    once.encode("utf-8")


def test_a_lone_surrogate_and_a_nul_do_not_reach_the_model() -> None:
    assert clean("refund\x00 \ud83d please") == "refund \ufffd please"


def test_invisible_characters_do_not_hide_an_address() -> None:
    assert clean("jo\u00adhn@exam\u200bple\u2060.com\ufeff") == "john@example.com"
    assert clean("4111\u200b1111\u200b1111\u200b1111") == "4111111111111111"
    assert clean("\U0001f468\u200d\U0001f469 नमस्\u200dते") == "\U0001f468\u200d\U0001f469 नमस्\u200dते"


def test_white_space_of_any_kind_is_folded() -> None:
    assert clean("  my\n\torder\u00a0late ") == "my order late"


@pytest.mark.parametrize(
    ("text", "says"), [("🙂🙂", False), ("...?!", False), ("ok 🙂", True), ("好的", True), ("7", True)]
)
def test_only_letters_and_digits_of_some_script_say_something(text: str, says: bool) -> None:
    assert has_words(text) is says


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("I will sue you", "legal_threat"),
        ("my account was hacked", "account_security"),
        ("talk to a human", "talk_to_human"),
        ("TALK TO A HUMAN!!", "talk_to_human"),
        ("I\u2019ll sue you", "legal_threat"),
    ],
)
def test_business_critical_messages_never_reach_the_model(message: str, rule: str) -> None:
    found = shipped_rules().match(clean(message))
    assert found is not None
    assert found.name == rule


@pytest.mark.parametrize(
    "message", ["I want a refund", "the tissue box arrived wet", "where do I pursue a refund"]
)
def test_ordinary_messages_pass_all_rules(message: str) -> None:
    assert shipped_rules().match(message) is None


def test_thirty_natural_phrases_and_six_in_other_languages_of_each_rule_are_handed_over() -> None:
    rules = shipped_rules()
    phrases = yaml.safe_load((Path(__file__).parent / "rule_phrases.yaml").read_text(encoding="utf-8"))
    assert phrases.keys() == {rule.name for rule in rules if rule.action == "human"}
    assert all(len(of) >= 36 for of in phrases.values())
    found = {m: rules.match(clean(m)) for of in phrases.values() for m in of}
    assert [m for m, rule in found.items() if rule is None or rule.action != "human"] == []


def test_every_rule_that_ships_holds_its_own_examples() -> None:
    rules = shipped_rules()
    rules.check()
    assert all(rule.match and rule.no_match for rule in rules)


def test_a_rule_that_misses_its_example_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump([_rule(match=["open sesame"])]))
    with pytest.raises(BundleError, match="r misses 'open sesame': correct the pattern or the example"):
        Rules.load(file).check()


def test_a_broken_pattern_stops_the_load_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump([_rule(patterns=["(unclosed"])]))
    with pytest.raises(BundleError, match=r"\(unclosed"):
        Rules.load(file)


@pytest.mark.parametrize("kind", [Rules, Replies])
def test_a_missing_file_is_reported_as_missing(kind: type[Rules | Replies], tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere\.yaml does not exist"):
        kind.load(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("kind", [Rules, Replies])
def test_a_file_that_is_nested_too_deeply_is_refused_with_what_is_wrong(
    kind: type[Rules | Replies], tmp_path: Path
) -> None:
    file = tmp_path / "nested.yaml"
    file.write_text("[\n" * 5_000)
    with pytest.raises(BundleError, match=r"nested\.yaml holds no usable .*nested too deeply"):
        kind.load(file)


def test_a_pattern_that_is_nested_too_deeply_is_refused_with_its_rule(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump([_rule(patterns=["(" * 5_000 + "a" + ")" * 5_000])]))
    with pytest.raises(BundleError, match=r"rule 'r': patterns.*groups are nested too deeply"):
        Rules.load(file)


def test_an_invalid_rule_is_named_with_its_field(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump([_rule(), _rule(name="closing", action="answer"), {"action": "human"}]))
    with pytest.raises(BundleError, match="rule 'closing': action: Input should be 'human' or 'reply'"):
        Rules.load(file)


def test_patterns_match_whole_words_only(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump([_rule(patterns=["sue"])]))
    rules = Rules.load(file)
    assert rules.match("I'll SUE!") is not None
    assert rules.match("an issue, sued") is None


def _rule(**changes: object) -> dict[str, object]:
    return {"name": "r", "action": "human", "intent": "r", "patterns": ["x"], **changes}


def test_a_slot_without_a_value_is_refused_with_the_variable_that_fills_it() -> None:
    replies = Replies({"a": ReplyText(response="call {hotline}")})
    with pytest.raises(SettingError, match="CHATBOT_SLOT_HOTLINE"):
        replies.filled({})


@pytest.mark.parametrize("text", ["call {{hotline}}", "call {Hotline}", "at {{Website URL}}"])
def test_no_placeholder_is_ever_shown_to_a_customer(text: str) -> None:
    with pytest.raises(SettingError, match="in braces, which is not a slot"):
        Replies({"a": ReplyText(response=text)}).filled({"hotline": "1"})


def test_braces_that_hold_no_name_are_text() -> None:
    text = 'send {"code": 500} or {} to {hotline}'
    filled = Replies({"a": ReplyText(response=text)}).filled({"hotline": "us"})
    assert filled["a"].response == 'send {"code": 500} or {} to us'


def test_replies_are_plain_texts_too_and_every_key_and_value_stays_text(tmp_path: Path) -> None:
    file = tmp_path / "replies.yaml"
    file.write_text("yes: no\nnull: {response: 1.0, title: on}\n1: One.\n")
    texts = Replies.load(file).texts
    assert {intent: text.response for intent, text in texts.items()} == {
        "yes": "no",
        "null": "1.0",
        "1": "One.",
    }
    assert texts["null"].title == "on"


def test_a_slot_of_ones_own_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATBOT_SLOT_HOTLINE", "555")
    monkeypatch.setenv("CHATBOT_SLOT_COMPANY", "Acme")
    filled = Replies({"a": ReplyText(response="call {hotline}, {company}")}).filled(SlotSettings().values())
    assert filled["a"].response == "call 555, Acme"


def test_replies_survive_being_written_and_read(tmp_path: Path) -> None:
    replies = Replies({"a": ReplyText(response="über {company}", category="C", examples=("x", "y: z"))})
    file = tmp_path / "replies.yaml"
    file.write_text(replies.dump(), encoding="utf-8")
    assert Replies.load(file) == replies


def _plainly(rules: Rules, message: str) -> str:
    """The name of the first rule that the message meets, every pattern tried: what `match` must agree with."""
    text = plain(message)
    for rule in rules:
        for pattern in rule.patterns:
            if re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE):
                return rule.name
    return ""


def test_skipping_patterns_changes_no_decision() -> None:
    rules = shipped_rules()
    draw = random.Random(0)
    examples = [m for rule in rules for m in (*rule.match, *rule.no_match)]
    assert len(examples) > 100
    for message in examples:
        words = message.split()
        draw.shuffle(words)
        for variant in (
            message,
            message.upper(),
            message.title(),
            message.replace("s", "ſ"),
            " ".join(words),
        ):
            found = rules.match(variant)
            assert (found.name if found else "") == _plainly(rules, variant), variant


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("i will sue", {"i will sue"}),
        ("kill(?:ing)? (?:myself|meself)", {"yself", "eself"}),
        ("(?:a |an )?refund", {"refund"}),
        ("gas leak|smells? of gas", {"gas leak", " of gas"}),
        ("colou?r", {"colo"}),
        ("(?:law)+yer", {"law"}),
        ("[0-9]+", set()),
        ("refund|[0-9]+", set()),
        ("größe", {"gr"}),
        ("(?!not )sue", {"sue"}),
        ("(?:密码|口令).{0,9}x", {"密码", "口令"}),
        ("éx", {"x"}),  # É is another form of é: folded differently by the pattern and by the text
    ],
)
def test_what_a_pattern_cannot_match_without(pattern: str, words: set[str]) -> None:
    assert required(pattern) == words


def test_a_pattern_without_words_is_always_tried() -> None:
    rule = Rule(name="numbers", action="human", intent="x", patterns=("[0-9]{4}",))
    assert Rules((rule,)).match("call 1234 now") is rule
