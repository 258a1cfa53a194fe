"""Select a shard of the log store: the share of one of several processes, by the hash of the source of the rows.

A source (`chatbot.records.part`) belongs to exactly one of `count` shards, whatever part holds its rows at the moment.
Shards need no common list of parts, and no row is read twice or missed while parts are uploaded and compacted.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass

from chatbot.errors import SettingError

COMPACTED = "compact-"
"""Name prefix of compacted parts."""

_SUFFIX = ".parquet"
_OF = re.compile(rf"{COMPACTED}(\d+)of([1-9]\d*)-")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` shards; the default is the only one, which has everything.

    Attributes:
        index: from 0 to `count` - 1.
        count: number of shards.
    """

    index: int = 0
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Parse `INDEX/COUNT`, as in `0/4`.

        Raises:
            SettingError: it has another form, or the index is not below the count.
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if match is None or int(match[1]) >= int(match[2]):
            raise SettingError(
                f"{text!r} is not a shard: expected INDEX/COUNT, from 0/4 to 3/4 for four shards"
            )
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def has(self, name: str) -> bool:
        """Return whether a source, or anything else with a name, belongs to this shard."""
        if self.count == 1:
            return True
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.index

    def may_have(self, key: str) -> bool:
        """Return whether the part at a key may have rows of this shard."""
        name = source_of(key)
        if not name.startswith(COMPACTED):
            return self.has(name)
        other = _compacted_by(name)
        return (self.index - other.index) % math.gcd(self.count, other.count) == 0

    def is_first(self, key: str) -> bool:
        """Return whether this is the first of all shards that may have rows of the part: the one that reports on it."""
        name = source_of(key)
        if not name.startswith(COMPACTED):
            return self.has(name)
        other = _compacted_by(name)
        return self.index == other.index % math.gcd(self.count, other.count)

    def has_all(self, key: str) -> bool:
        """Return whether all rows of the part at a key certainly belong to this shard."""
        name = source_of(key)
        if not name.startswith(COMPACTED):
            return self.has(name)
        other = _compacted_by(name)
        return other.count % self.count == 0 and other.index % self.count == self.index

    def compacted(self, digest: str) -> str:
        """Return the name of a part that holds rows of this shard alone."""
        return f"{COMPACTED}{f'{self.index}of{self.count}-' if self.count > 1 else ''}{digest}"


WHOLE = Shard()


def source_of(key: str) -> str:
    """Return the source name of an uncompacted part."""
    return key.rpartition("/")[2].removesuffix(_SUFFIX)


def is_compacted(key: str) -> bool:
    """Return whether a compaction made the part at a key."""
    return source_of(key).startswith(COMPACTED)


def _compacted_by(name: str) -> Shard:
    match = _OF.match(name)
    return Shard(int(match[1]), int(match[2])) if match else WHOLE
