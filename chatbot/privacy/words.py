"""Word lists for PII redaction of names and passwords, read from words.txt."""

from __future__ import annotations

from pathlib import Path

from chatbot.word_lists import read_lists, words_of

_LISTS = read_lists(Path(__file__).with_name("words.txt"))
_WORDS = {name: words_of(text) for name, text in _LISTS.items()}

GIVEN, GIVEN_AND_WORDS, SURNAMES = _WORDS["given"], _WORDS["given_and_words"], _WORDS["surnames"]
NO_NAMES, NO_SECRETS = _WORDS["no_names"], _WORDS["no_secrets"]
FUNCTION_WORDS = _WORDS["function_words"]
PLACES, THINGS, INSTITUTIONS = _WORDS["places"], _WORDS["things"], _WORDS["institutions"]
BRANDS = frozenset(" ".join(pair.split()) for pair in _LISTS["brands"].split(","))
