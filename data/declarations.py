"""Read and apply the declared changes of a corpus: intents that are renamed, merged, split or removed, and the promise.

Without a declaration, a missing intent is a loss that the gate refuses. `declared.yaml` is in the corpus (`beside`):

    renamed: {old_name: new_name}          # the rows follow
    merged: {kept_name: [a, b]}            # the rows of a and b are labelled kept_name
    removed: [fax_support]                 # the rows are dropped
    split: {returns: [return_item, return_status]}    # rows still labelled `returns` are dropped
    target: 0.03                           # the target risk was changed on purpose
    out_of_scope_share: 0.3                # so was the share of messages that belong to no intent
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.files import write_file
from data.decisions import BESIDE, relabelled
from data.errors import CorpusError
from data.messages import intent_fault
from data.yaml_nodes import parse_nodes

if TYPE_CHECKING:
    import pandas as pd

DECLARED_FILE = BESIDE[1]


class Declared(BaseModel):
    """Declared changes; a chain (a renamed to b, b merged into c) is followed to its end."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    renamed: dict[str, str] = Field(default_factory=dict)
    """New name by old name."""
    merged: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By the name that is kept: the intents that are now part of it."""
    removed: tuple[str, ...] = ()
    """Intents that the bot no longer answers."""
    split: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By former intent: the intents that its messages belong to now."""
    target: float | None = Field(default=None, gt=0, lt=1)
    """Target risk that was changed on purpose; overrides params.yaml."""
    out_of_scope_share: float | None = Field(default=None, ge=0, lt=1)
    """Out-of-scope share of messages that was changed on purpose; overrides params.yaml."""

    @model_validator(mode="after")
    def _check(self) -> Declared:
        gone = [*self.renamed, *(name for names in self.merged.values() for name in names)]
        gone += [*self.removed, *self.split]
        if twice := sorted({name for name in gone if gone.count(name) > 1}):
            raise ValueError(f"{twice[0]!r} is declared twice: declare one change per intent")
        named = {
            *gone,
            *self.renamed.values(),
            *self.merged,
            *(n for names in self.split.values() for n in names),
        }
        for name in sorted(named):
            if fault := intent_fault(name):
                raise ValueError(fault)
        if OUT_OF_SCOPE in gone:
            raise ValueError(f"{OUT_OF_SCOPE!r} is not an intent: it can be neither renamed nor removed")
        for name in self._next:
            self._end(name)
        if alive := sorted(set(self.removed) & {*self.renamed.values(), *self.merged}):
            raise ValueError(
                f"{alive[0]!r} is removed, but another intent is renamed to it or merged into it"
            )
        return self

    @property
    def _next(self) -> dict[str, str]:
        return self.renamed | {name: kept for kept, names in self.merged.items() for name in names}

    @property
    def _gone(self) -> frozenset[str]:
        """Return the intents whose rows are dropped; an intent may be one of its own parts."""
        return frozenset([*self.removed, *(name for name, parts in self.split.items() if name not in parts)])

    def _end(self, name: str) -> str:
        onward, passed = self._next, {name}
        while name in onward:
            name = onward[name]
            if name in passed:
                raise ValueError(f"{name!r} becomes itself again")
            passed.add(name)
        return name

    @property
    def successors(self) -> dict[str, str]:
        """Return by renamed or merged intent: the intent that has its rows now."""
        return {name: self._end(name) for name in self._next}

    @property
    def results(self) -> frozenset[str]:
        """Return the intents that rows of others have after a change: new names, and parts of what was split."""
        return frozenset(
            [*self.successors.values(), *(part for parts in self.split.values() for part in parts)]
        )

    @property
    def retired(self) -> frozenset[str]:
        """Return the intents that a declaration ends, so that the gate does not count them as lost."""
        return frozenset(self.successors) | self._gone

    def now(self, intent: str) -> str | None:
        """Return the name of an intent after the changes; None: it has no rows any more."""
        return None if intent in self._gone else self.successors.get(intent, intent)

    def names(self, intent: str) -> list[str]:
        """Return an intent's own name and those that it gets, one after the other."""
        onward, found = self._next, [intent]
        while found[-1] in onward:
            found.append(onward[found[-1]])
        return found

    def apply(self, table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Return a corpus (`data.loading.COLUMNS`) after the changes, and what was done, in sentences."""
        intents, successors, gone = table["intent"].tolist(), self.successors, self._gone
        counts = {name: intents.count(name) for name in self.retired & set(intents)}
        moves = {row: new for row, name in enumerate(intents) if (new := successors.get(name))}
        changed = relabelled(table, moves)
        kept = [name not in gone for name in intents]
        said = [
            f"{name!r} ({count:,} rows) is {successors[name]!r} now, as {DECLARED_FILE} says"
            if name in successors
            else f"{name!r} ({count:,} rows) is left out, as {DECLARED_FILE} says"
            for name, count in sorted(counts.items())
        ]
        return (changed if all(kept) else changed[kept].reset_index(drop=True)), said

    def texts(self, by_intent: Mapping[str, Any]) -> dict[str, Any]:
        """Return texts by intent, such as replies, after the changes; an intent's own text comes first."""
        found: dict[str, Any] = {}
        for name, text in sorted(by_intent.items(), key=lambda item: item[0] in self.successors):
            if (new := self.now(name)) is not None:
                found.setdefault(new, text)
        return found

    def then(self, later: Declared) -> Declared:
        """Return these changes and `later` ones as one; of target and out-of-scope share the later one counts."""
        promise = {
            name: getattr(self if getattr(later, name) is None else later, name)
            for name in ("target", "out_of_scope_share")
        }
        if not self.retired or not later.retired:
            return (self if self.retired else later).model_copy(update=promise)
        ends = {
            name: None if (new := self.now(name)) is None else later.now(new)
            for name in sorted(self.retired | later.retired)
        }
        there = set(ends.values())  # also: renamed back, or a name that is used again
        return Declared(
            renamed={name: end for name, end in ends.items() if end is not None and name not in there},
            removed=tuple(name for name, end in ends.items() if end is None and name not in there),
            **promise,
        )

    def dump(self) -> str:
        """Return the content of the file."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_defaults=True), allow_unicode=True, sort_keys=False
        )


NOTHING = Declared()


def write_declared(path: Path, declared: Declared) -> None:
    """Write a declaration beside a corpus to which it is applied; nothing declared: no file."""
    if declared == NOTHING:
        path.unlink(missing_ok=True)
    else:
        write_file(path, declared.dump(), sync=False)


def read_declared(path: Path) -> Declared:
    """Read a declaration file; nothing is declared if it does not exist.

    Raises: CorpusError: the file is not a declaration.
    """
    try:
        return parse_declared(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else NOTHING
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError.at(path, None, f"cannot be read: {error}") from None


def parse_declared(text: str, file: str) -> Declared:
    """Parse the content of a declaration file.

    Raises: CorpusError: it is not a declaration.
    """
    parse_nodes(text, file)  # names a key that occurs twice, of which the parser would keep the last
    try:
        content = yaml.safe_load(text)
        return Declared.model_validate(NOTHING if content is None else content)
    except yaml.YAMLError as error:
        raise CorpusError.at(file, None, f"not YAML: {error}") from None
    except (ValidationError, RecursionError) as error:
        wrong = error.errors() if isinstance(error, ValidationError) else []
        reasons = [f"{'.'.join(str(part) for part in one['loc'])} {one['msg']}".strip() for one in wrong]
        reason = f"{reasons[0] if reasons else error}: the fields are {', '.join(Declared.model_fields)}"
        raise CorpusError.at(file, None, f"no declaration: {reason}") from None
