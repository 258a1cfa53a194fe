"""The learned PII tagger finds what a sentence's words announce, and learns the same from the same sentences."""

from __future__ import annotations

from tools.bench.quality.pii.sentences import Sentence
from tools.bench.quality.pii.tagger import (
    MAX_CANDIDATES,
    candidates,
    is_changed,
    is_found,
    labelled,
    learn,
    tagged,
)

LEAST = 0.5
PERSONAL = [
    Sentence(f"{lead} {value}", (value,), "password", "en")
    for lead in ("the gate opens with", "it always was")
    for value in ("Tulip-9x", "Heron-4b", "Maple-7k", "Otter-2z")
] * 5
QUIET = [
    Sentence(f"{lead} {value}", (), "harmless", "en")
    for lead in ("do you stock the model", "spare parts of the")
    for value in ("Bosch-9x", "Miele-4b", "Dyson-7k", "Braun-2z")
] * 5


def test_the_words_around_a_value_tell_a_secret_from_a_model() -> None:
    weights = learn([*PERSONAL, *QUIET])
    assert tagged("the gate opens with Lemon-5q", weights, LEAST) == ["Lemon-5q"]
    assert tagged("spare parts of the Lemon-5q", weights, LEAST) == []


def test_what_the_rules_miss_is_found_only_with_the_tagger_and_a_harmless_text_is_unchanged() -> None:
    weights = learn([*PERSONAL, *QUIET])
    sentence = Sentence("it always was Lemon-5q", ("Lemon-5q",), "password", "en")
    assert not is_found(sentence, weights, None)
    assert is_found(sentence, weights, LEAST)
    assert not is_changed("do you stock the model Lemon-5q", weights, LEAST)


def test_the_same_sentences_give_the_same_weights() -> None:
    assert learn([*PERSONAL, *QUIET]) == learn([*PERSONAL, *QUIET])


def test_a_candidate_is_a_word_without_the_punctuation_around_it_and_personal_if_it_is_in_a_secret() -> None:
    sentence = Sentence('it was "Tulip9", I think', ("Tulip9",), "password", "en")
    found = [(sentence.text[c.start : c.end], is_personal) for c, is_personal in labelled(sentence)]
    assert found == [("Tulip9", True)]


def test_a_long_text_has_few_candidates_and_words_of_scripts_without_spaces_are_none() -> None:
    assert len(list(candidates("Aa1 " * 1_000))) == MAX_CANDIDATES
    assert list(candidates("\u5bc6\u7801\u662fabc123 x " + "9" * 41)) == []
