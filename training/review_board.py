"""The desk that reviewers sit at: what waits, and what can be done with it. Command and staff page are its faces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from chatbot import bundle as bundles
from chatbot.bundle import Bundle
from chatbot.errors import InvalidMessage
from chatbot.message import OUT_OF_SCOPE
from chatbot.settings import (
    ReviewSettings,
    ServiceSettings,
    SlotSettings,
    StorageSettings,
    TrackingSettings,
    read_settings,
)
from chatbot.storage import Store, open_store
from training.review_bundle import find_bundle
from training.review_clusters import Cluster, find_clusters, with_clusters
from training.review_decisions import (
    AlreadyDecidedError,
    Decision,
    Decisions,
    NewIntent,
    Verdict,
    check_intent,
    check_new_intent,
    key_of,
    now,
)
from training.review_queue import Item, Queue, read_queue

_MOST_LOOKS = 10


@dataclass(frozen=True, slots=True)
class View:
    """What waits at one moment."""

    queue: Queue
    clusters: tuple[Cluster, ...]

    def item(self, item_id: str) -> Item:
        """Raises: InvalidMessage: nothing with that id waits."""
        for item in self.queue.items:
            if item.item_id == item_id or item_id in item.duplicates:
                return item
        raise InvalidMessage(f"no message {item_id} waits: it was decided on, forgotten, or is too old")

    def cluster(self, name: str) -> Cluster:
        """Raises: InvalidMessage: there is none of that name."""
        for cluster in self.clusters:
            if cluster.name == name:
                return cluster
        names = ", ".join(cluster.name for cluster in self.clusters) or "none"
        raise InvalidMessage(f"there is no cluster {name!r}; there are: {names}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of several messages that were decided at once."""

    decided: list[Decision] = field(default_factory=list)
    before: list[AlreadyDecidedError] = field(default_factory=list)
    """Those that others had decided on: left as they are."""


class Board:
    """One store and one bundle; may be used from any thread."""

    def __init__(
        self,
        store: Store,
        bundle: Bundle,
        settings: ReviewSettings,
        slots: Mapping[str, str],
    ) -> None:
        """Reads nothing yet.

        Args:
            bundle: whose intents messages are corrected to, and whose encoder finds clusters.
            slots: what replies are filled with, by name.
        """
        self.store = store
        self.bundle = bundle
        self.decisions = Decisions(store)
        self._settings = settings
        self._slots = dict(slots)

    def look(self) -> View:
        """What waits now, with its clusters.

        Raises:
            StoreError: the store does not answer.
        """
        queue = read_queue(self.store, self._settings, self.decisions)
        clusters = find_clusters(queue, lambda m: self.bundle.encoder.encode(m).vectors, self._settings)
        return View(with_clusters(queue, clusters), tuple(clusters))

    def intents(self) -> dict[str, str]:
        """Every intent that a message can have, with its title: the bundle's, and those made in the review."""
        texts = self.bundle.replies.texts
        titles = {intent: texts[intent].title or _in_words(intent) for intent in self.bundle.manifest.labels}
        made = self.decisions.intents()
        return titles | {
            name: new.title or _in_words(name) for name, new in made.items() if name not in titles
        }

    def categories(self) -> list[str]:
        """The families of intents that there are."""
        found = {text.category for text in self.bundle.replies.texts.values()}
        return sorted((found | {new.category for new in self.decisions.intents().values()}) - {""})

    def accept(self, item: Item, reviewer: str) -> Decision:
        """The bot's likeliest intent is the right one.

        Raises:
            InvalidMessage: the bot had none that can be taught.
            AlreadyDecidedError: somebody was first.
        """
        check_intent(item.intent, self.intents())
        return self._decide(item, Verdict.ACCEPT, item.intent, reviewer)

    def correct(self, item: Item, intent: str, reviewer: str) -> Decision:
        """Another intent, or `out_of_scope`, is the right one.

        Raises:
            InvalidMessage: there is no such intent.
            AlreadyDecidedError: somebody was first.
        """
        check_intent(intent, self.intents())
        verdict = Verdict.ACCEPT if intent == item.intent else Verdict.CORRECT
        return self._decide(item, verdict, intent, reviewer)

    def reject(self, item: Item, reviewer: str) -> Decision:
        """There is nothing to learn from it.

        Raises:
            AlreadyDecidedError: somebody was first.
        """
        return self._decide(item, Verdict.REJECT, "", reviewer)

    def preview(self, intent: str, reply: str, category: str = "") -> str:
        """A new intent's reply as a customer will read it.

        Raises:
            InvalidMessage, SettingError: name or reply cannot be used: says why.
        """
        return check_new_intent(intent, reply, self.bundle.manifest.labels, self._slots, category)

    def new_intent(
        self,
        items: Sequence[Item],
        intent: str,
        reply: str,
        reviewer: str,
        category: str = "",
        title: str = "",
    ) -> Outcome:
        """Make an intent, and say that these messages have it.

        Raises:
            InvalidMessage, SettingError: name or reply cannot be used, or another reviewer made that intent with
                another reply.
        """
        self.preview(intent, reply, category)
        self.decisions.make_intent(
            NewIntent(
                intent=intent,
                reply=reply.strip(),
                category=category.strip(),
                title=title.strip(),
                reviewer=reviewer,
                when=now(),
            )
        )
        return self._decide_all(items, Verdict.NEW_INTENT, intent, reviewer)

    def correct_all(self, items: Sequence[Item], intent: str, reviewer: str) -> Outcome:
        """As `correct`, of several; an empty intent rejects them. What others decided meanwhile stays."""
        if intent:
            check_intent(intent, self.intents())
        return self._decide_all(items, Verdict.CORRECT if intent else Verdict.REJECT, intent, reviewer)

    def undo(self, item_id: str, reviewer: str) -> Decision:
        """Take a decision back.

        Raises:
            InvalidMessage: nobody has decided on that message.
        """
        return self.decisions.reopen(item_id, reviewer)

    def _decide_all(self, items: Iterable[Item], verdict: Verdict, intent: str, reviewer: str) -> Outcome:
        outcome = Outcome()
        for item in items:
            try:
                outcome.decided.append(self._decide(item, verdict, intent, reviewer))
            except AlreadyDecidedError as error:
                outcome.before.append(error)
        return outcome

    def _decide(self, item: Item, verdict: Verdict, intent: str, reviewer: str) -> Decision:
        if not reviewer.strip():
            raise InvalidMessage("who decides? A decision needs its reviewer's name")
        # Somebody whose list is older or newer may have been shown a duplicate of it in its place.
        for other in item.duplicates[:_MOST_LOOKS]:
            if self.store.head(key_of(other)) is not None:
                found = self.decisions.read().get(other)
                if found is not None and found.verdict is not Verdict.REOPENED:
                    raise AlreadyDecidedError(found)
        return self.decisions.decide(
            Decision(
                item_id=item.item_id,
                message=item.message,
                verdict=verdict,
                intent=intent,
                reviewer=reviewer.strip(),
                when=now(),
                said=item.intent,
                reasons=tuple(reason.value for reason in item.reasons),
                model_version=item.model_version,
                session_id=item.session_id,
                duplicates=item.duplicates,
            )
        )


def open_board() -> Board:
    """The board that the settings name.

    Raises:
        SettingError, BundleError, StoreError: there is none: says why.
    """
    store = open_store(read_settings(StorageSettings))
    bundle = bundles.load(find_bundle(store, read_settings(ServiceSettings), read_settings(TrackingSettings)))
    return Board(store, bundle, read_settings(ReviewSettings), read_settings(SlotSettings).values())


def queue_by_reason(store: Store) -> dict[str, int]:
    """How many messages wait for each reason; one that waits for two counts for both. Needs no bundle."""
    return read_queue(store, read_settings(ReviewSettings)).by_reason


def queue_length(store: Store) -> int:
    """How many messages wait for a person. Needs no bundle.

    Raises:
        StoreError: the store does not answer.
    """
    return len(read_queue(store, read_settings(ReviewSettings)).items)


def _in_words(intent: str) -> str:
    return "Out of scope" if intent == OUT_OF_SCOPE else intent.replace("_", " ").capitalize()
