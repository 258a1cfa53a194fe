"""Anaphora detection: recognize a message that only refers to what was said before ("how long does that take?").

The bot keeps no state of a conversation, so it cannot resolve what such a message refers to, while a classifier takes
its frequent words for an intent with a high confidence. A follow-up has an anaphor or is a bare question ("and when?"),
and every other word is a function word or a verb without an object. One content word names a topic.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chatbot.dialog.message import plain
from chatbot.dialog.replies import Replies
from chatbot.word_lists import read_lists

_WORD = re.compile(r"[^\W_]+")
_KINDS = ("anaphor", "noun", "open", "function", "light", "question")
_LONGEST = 200
"""Characters beyond which a message says more than a follow-up."""


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of follow-ups in one language; `follow_up_words.txt` says what each list is."""

    anaphor: frozenset[str]
    noun: frozenset[str]
    open: frozenset[str]
    light: frozenset[str]
    question: frozenset[str]
    empty: frozenset[str]
    """All words that name no topic."""

    def follow_up(self, words: Sequence[str]) -> bool:
        """Whether the words name no topic, and refer to one."""
        if all(word in self.empty for word in words):
            return any(word in self.anaphor for word in words) or all(word in self.question for word in words)
        return self._of_a_noun(words)

    def _of_a_noun(self, words: Sequence[str]) -> bool:
        """Whether the words point at a noun and say nothing about it: "no, the other order"."""
        rest = [word for word in words if word not in self.open]
        return len(rest) == 2 and rest[0] in self.noun and words.index(rest[1]) == words.index(rest[0]) + 1


def _read() -> tuple[_Words, ...]:
    lists = {
        name: frozenset(words.split())
        for name, words in read_lists(Path(__file__).with_name("follow_up_words.txt")).items()
    }
    found = []
    for code in dict.fromkeys(name.partition(".")[0] for name in lists):
        anaphor, noun, open_, function, light, question = (lists[f"{code}.{kind}"] for kind in _KINDS)
        every = anaphor | noun | open_ | function | light | question
        found.append(_Words(anaphor, noun, open_, light, question, every))
    return tuple(found)


_LANGUAGES = _read()
_NAMING = frozenset[str]().union(*((one.light | one.question) - one.open for one in _LANGUAGES))
"""Words that distinguish follow-ups from each other: "where", "repeat"."""


def is_follow_up(message: str) -> bool:
    """Whether a cleaned message refers to something said before and names no topic; linear in its length."""
    if len(message) > _LONGEST:
        return False
    words = _words(message)
    return bool(words) and any(language.follow_up(words) for language in _LANGUAGES)


def _words(message: str) -> list[str]:
    return _WORD.findall(plain(message).lower())


class FollowUps:
    """Recognizes follow-ups to known intents. Stateless and thread-safe."""

    def __init__(self, replies: Replies) -> None:
        """Learn which words name an intent whose own examples are follow-ups ("repeat that", "where is it now")."""
        self._naming = {
            intent: frozenset(
                word for example in text.examples if is_follow_up(example) for word in _words(example)
            )
            & _NAMING
            for intent, text in replies.texts.items()
        }

    def refers_back(self, message: str, intent: str) -> bool:
        """Whether a cleaned message is a follow-up, and does not name the intent."""
        return is_follow_up(message) and self._naming.get(intent, frozenset()).isdisjoint(_words(message))
