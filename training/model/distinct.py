"""Group messages that say the same: copies, near-duplicates and templates, across intents.

What a group shows is counted once: eight copies of a row, or one sentence with 120 order numbers, are one piece of
evidence. Training and test rows are still learned from and scored one by one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from chatbot.privacy import redact
from data.messages import normalise
from data.similarity import components, near_duplicates

# If at least this many messages differ in one word only, that word fills a slot of a template.
TEMPLATE_MESSAGES = 10
# Minimum number of words of a template beside its slot.
_TEMPLATE_WORDS = 3

_NUMBERED = re.compile(r"\S*\d\S*")
_ADDRESS = re.compile(r"\S+@\S+|(?:https?://|www\.)\S+")
_NAME = re.compile(r"(?<=[\w,;:] )(?!I\b)[A-Z][\w'-]+")
_MARKS = re.compile(r"(?:<\w+>|#)(?:[\s,;/&-]*(?:<\w+>|#))*")
_WORD = re.compile(r"#|\w+(?:'\w+)?")


def distinct_groups(messages: Sequence[str]) -> NDArray[np.int64]:
    """Return the group of each message, shape (n,): numbers from 0.

    Messages are one group if they are equal or near-duplicates (`data.similarity`) once numbers, addresses and names
    are masked, or if they fill one slot of a template (`TEMPLATE_MESSAGES`); groups are transitive.
    """
    texts, place = np.unique([mask(message) for message in messages], return_inverse=True)
    pairs = [near_duplicates(texts.tolist(), [""] * len(texts)), _templates(texts.tolist())]
    return components(len(texts), np.concatenate(pairs))[place]


def name_groups(groups: NDArray[np.int64], names: Sequence[str]) -> NDArray[np.str_]:
    """Join groups (`distinct_groups`) that share a name (`data.processing`); name each by its smallest, shape (n,)."""
    known, place = np.unique(np.asarray(names), return_inverse=True)
    links = np.stack([groups + len(known), place], axis=1)
    joined = components(len(known) + int(groups.max(initial=-1)) + 1, links)[: len(known)]
    # `known` is sorted: the first name of a component is its smallest.
    _, first, back = np.unique(joined, return_index=True, return_inverse=True)
    return np.asarray(known[first[back[place]]])


def joined_groups(messages: Sequence[str], names: Sequence[str]) -> NDArray[np.str_]:
    """Return the groups of messages that say the same, joined with named ones (`data.processing`), shape (n,)."""
    return name_groups(distinct_groups(messages), names)


def weights(groups: NDArray[np.int64] | NDArray[np.str_]) -> NDArray[np.float64]:
    """Return the weight of each message, shape (n,): a group weighs one."""
    _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(1 / sizes[place], dtype=np.float64)


def mask(message: str) -> str:
    """Return the message normalised, with `#` for each number, address and capitalised or introduced name."""
    text = _NUMBERED.sub("#", _ADDRESS.sub("#", redact(message)))
    # A capital tells nothing where every word has one.
    if sum(word[0].isupper() for word in text.split()) * 2 <= len(text.split()):
        text = _NAME.sub("#", text)
    return normalise(_MARKS.sub("#", text))


def _templates(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return pairs of texts that fill the same slot of a template, shape (pairs, 2).

    A template is the sum of a hash of each word and its place, so that the memory of a text is linear in its length.
    """
    keys, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for row, text in enumerate(texts):
        words = _WORD.findall(text)
        if len(words) > _TEMPLATE_WORDS:
            placed = _hashes(f"{place} {word}" for place, word in enumerate(words))
            open_slots = _hashes(str(place) for place in range(len(words)))
            keys.append(placed.sum() - placed + open_slots)
            rows.append(np.full(len(words), row))
    _, template, sizes = np.unique(np.concatenate(keys), return_inverse=True, return_counts=True)
    order = np.argsort(template, kind="stable")
    template, filled = template[order], np.concatenate(rows)[order]
    linked = (template[1:] == template[:-1]) & (sizes[template[1:]] >= TEMPLATE_MESSAGES)
    return np.stack([filled[:-1][linked], filled[1:][linked]], axis=1)


def _hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """Return a hash of 64 bits of each text, the same in every process."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), np.uint64)
