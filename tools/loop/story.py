"""Run the scenario of `make loop`: every reported fact is read back from the component that it concerns."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

from chatbot.loop import desired_model
from chatbot.loop.desired_model import short
from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.model import bundle as bundles
from chatbot.model import bundle_store
from chatbot.settings import ReviewSettings, SlotSettings
from chatbot.store import layout
from tools.loop import traffic
from tools.loop.parts import (
    Parts,
    make_bucket,
    prepare,
    records_in_store,
    start_bot,
    start_mlflow,
    start_pages,
    start_store,
)
from tools.loop.report import LoopReport
from tools.loop.traffic import Launch, TrafficAnswers
from tools.processes import Processes, StepError, wait_until
from training.review.board import Board
from training.review.clusters import MessageCluster

REVIEWER = "make loop"
_FEEDBACK_SHARE = 0.1
_UPLOAD_SECONDS = 60.0
_LAUNCH_SHARE = 0.5

FIRST_DAY, ORDINARY_DAY, LAUNCH_DAY = 2_000, 600, 400
"""Numbers of messages: the first day is the version's baseline (CHATBOT_DRIFT_BASELINE_RECORDS), 600 exceed a
drift check's minimum, and in the last window the launch is about a tenth."""


@dataclass
class Story:
    """One run, from empty folders to a rollback."""

    folder: Path
    report: LoopReport
    launch: Launch = field(default_factory=traffic.read_launch)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        self.parts = Parts(Processes(self.folder / "logs"), {})

    def play(self, store: str) -> Parts:
        """Run all steps; the started processes keep running.

        Args:
            store: `minio` or `folder`.

        Raises:
            ChatbotError: a component failed.
        """
        try:
            self.begin(store)
            for step in (
                self.first_version,
                self.ordinary_days,
                self.launch_day,
                self.retrain_without_labels,
                self.review,
                self.retrain_with_labels,
                self.promote,
                self.ask_again,
                self.roll_back,
            ):
                step()
        except BaseException:
            self.parts.processes.stop()
            raise
        return self.parts

    def begin(self, store: str) -> None:
        """Start the store and the model registry, which everything else needs."""
        taken: set[int] = set()
        with self.report.step("store and registry") as step:
            start_store(self.parts, self.folder, store, taken)
            # The slow starts run concurrently.
            start_mlflow(self.parts, self.folder, taken)
            prepare(self.parts, self.folder, taken)
            start_pages(self.parts)
            make_bucket(self.parts)
            self.parts.processes.wait("mlflow")
            step.say(f"{self.parts.store} and an MLflow server, both empty", store=str(self.parts.store))
        for name in ("MinIO", "MLflow"):
            if name in self.parts.links:
                self.report.link(name, self.parts.links[name])

    def first_version(self) -> None:
        """Register the shipped corpus's bundle as version 1, and serve it."""
        with self.report.step("first version") as step:
            work = str(self.folder / "retrain" / "first")
            self.parts.processes.run("first-version", "training.retrain", "--first", "--work", work)
            first = self.parts.registry.champion()
            if first is None:
                raise StepError("the first version was registered and is not champion")
            # The keeper starts with this model, so the promotion finds that it is already served.
            desired_model.ask(self.parts.store, str(first.ref), "the first version of make loop")
            start_bot(self.parts)
            self.parts.processes.run("promote-first", "training.promote", first.number)
            for name in ("api", "chat-page", "staff-pages"):
                self.parts.processes.wait(name)
            step.say(
                f"version 1 registered from the shipped corpus (gate: {self._verdict('1')}), promoted; "
                f"the bot says it serves {self._serves()}",
                serves=self._serves(),
                champion=self._champion(),
            )
        for name in ("API", "chat page", "staff pages"):
            self.report.link(name, self.parts.links[name])

    def ordinary_days(self) -> None:
        """Send in-distribution traffic: first what the baseline is frozen from, then another day."""
        with self.report.step("an ordinary day") as step:
            day, source = traffic.ordinary(FIRST_DAY, seed=1)
            answers = self._send(day)
            records = len(records_in_store(self.parts.store) & set(answers.predictions))
            step.say(
                f"{answers.count:,} messages from {source}: {answers.automatic:,} answered by the bot, "
                f"{answers.wrong / max(1, answers.automatic):.1%} of them wrongly; the rest asked back or went to a "
                f"person. {records:,} of their records are in the store",
                messages=answers.count,
                automatic=answers.automatic,
                wrong=answers.wrong,
                records=records,
            )
        self._look("first drift check")
        with self.report.step("another ordinary day") as step:
            day, _ = traffic.ordinary(ORDINARY_DAY, seed=2)
            answers = self._send(day)
            step.say(
                f"{answers.count:,} messages, {answers.automatic:,} answered by the bot",
                messages=answers.count,
            )
        self._look("drift check")

    def launch_day(self) -> None:
        """Send messages about a newly launched product that the bot was not trained on."""
        with self.report.step("a product launch") as step:
            usual, _ = traffic.ordinary(LAUNCH_DAY, seed=3)
            self._send(usual)
            answers = self._send([(message, "") for message in self.launch.messages])
            step.say(
                f"{len(usual)} usual messages, and {answers.count} about a trade-in programme: {answers.automatic} of "
                f"these answered by the bot, {answers.by_source['human']} handed to a person",
                messages=answers.count,
                automatic=answers.automatic,
                human=answers.by_source["human"],
            )
        self._look("drift check after the launch")

    def retrain_without_labels(self) -> None:
        """Show that drift without labels trains nothing, and that the same drift requests a retraining only once."""
        with self.report.step("drift asks for a retraining") as step:
            out = self.folder / "retrain" / "drift.json"
            command = ("monitoring.retrain_if_needed", "--out", str(out))
            self.parts.processes.run("retrain-if-needed", *command)
            result = json.loads(out.read_text(encoding="utf-8"))
            again = " ".join(self.parts.processes.run("retrain-if-needed", *command).split())
            step.say(
                f"{result['outcome']}: {result['why']}. Requested again: {again}",
                outcome=result["outcome"],
                queue=result["queue"],
                again=again.partition(":")[0],
                champion=self._champion(),
            )

    def review(self) -> None:
        """Label the new messages, as a reviewer would."""
        with self.report.step("review") as step:
            board = self._board()
            view = board.look()
            new = set(self.launch.messages)

            def share(cluster: MessageCluster) -> float:
                return sum(item.message in new for item in cluster.items) / len(cluster.items)

            mine = [cluster for cluster in view.clusters if share(cluster) > _LAUNCH_SHARE]
            if not mine:
                raise StepError(f"no cluster of the launch among {[c.name for c in view.clusters]}")
            asked = [item for cluster in mine for item in cluster.items if item.message in new]
            launch = self.launch
            done = board.new_intent(
                asked, launch.intent, launch.reply, REVIEWER, launch.category, launch.title
            )
            # Messages in no cluster are selected individually, as a reviewer would in the list.
            others = [i for i in view.queue.items if i.message in new and i not in asked]
            singly = board.correct_all(others, self.launch.intent, REVIEWER)
            if error := done.error or singly.error:
                raise error
            largest = max(mine, key=lambda cluster: cluster.count)
            step.say(
                f"{len(view.queue.items)} messages in the queue, {len(view.clusters)} clusters; the launch's is "
                f"{', '.join(repr(w) for w in largest.words)} ({sum(c.count for c in mine)} messages). Accepted as the "
                f"new intent `{self.launch.intent}` with its reply: {len(done.decided)} messages, and "
                f"{len(singly.decided)} more that were in no cluster",
                queue=len(view.queue.items),
                clusters=[cluster.name for cluster in view.clusters],
                words=list(largest.words),
                accepted=len(done.decided) + len(singly.decided),
            )

    def retrain_with_labels(self) -> None:
        """Retrain with the new labels."""
        with self.report.step("retraining with what was accepted") as step:
            folder = self.folder / "retrain"
            out = folder / "accepted.json"
            command = ("training.retrain", "--work", str(folder / "work"), "--out", str(out))
            self.parts.processes.run("retrain", *command)
            result = json.loads(out.read_text(encoding="utf-8"))
            if result["outcome"] != "accepted":
                raise StepError(f"the retraining says {result['outcome']}: {json.dumps(result)[:2000]}")
            challenger = self.parts.registry.challenger()
            if challenger is None:
                raise StepError("the retraining was accepted, but the registry has no challenger")
            step.say(
                f"challenger version {challenger.number}, gate: {challenger.verdict}"
                f"{self._gate_line(challenger.bundle_digest)}",
                outcome=result["outcome"],
                gate=challenger.verdict,
                challenger=challenger.number,
                champion=self._champion(),
            )

    def promote(self) -> None:
        """Promote the challenger over the champion while messages arrive."""
        with self.report.step("promotion") as step:
            self.parts.processes.run("promote", "training.promote")
            step.say(
                f"the bot says it serves {self._serves()}; champion is version {self._champion()}",
                serves=self._serves(),
                champion=self._champion(),
            )

    def ask_again(self) -> None:
        """Send messages of the following days, none of which was trained on."""
        with self.report.step("the launch's next day") as step:
            answers = self._send([(message, self.launch.intent) for message in self.launch.later])
            right = answers.by_intent[self.launch.intent]
            step.say(
                f"{right} of {answers.count} new messages about it are answered with `{self.launch.intent}`, "
                f"{answers.wrong} wrongly; the rest asked back or went to a person",
                messages=answers.count,
                right=right,
                wrong=answers.wrong,
                version=max(answers.by_version, key=answers.by_version.__getitem__),
            )

    def roll_back(self) -> None:
        """Roll back, then promote again."""
        with self.report.step("rollback") as step:
            self.parts.processes.run("rollback", "training.rollback")
            serves, champion = self._serves(), self._champion()
            answers = self._send([(message, self.launch.intent) for message in self.launch.later])
            step.say(
                f"the bot says it serves {serves}; champion is version {champion}; "
                f"{answers.by_intent[self.launch.intent]} of {answers.count} messages about the launch are answered",
                serves=serves,
                champion=champion,
                right=answers.by_intent[self.launch.intent],
            )
        with self.report.step("and forward again") as step:
            newest = self.parts.registry.versions()[0].number
            self.parts.processes.run("promote-again", "training.promote", newest)
            now = desired_model.read(self.parts.store)
            step.say(
                f"the bot says it serves {self._serves()}; before it served "
                f"{', '.join(short(model) for model in now.before)}",
                serves=self._serves(),
                champion=self._champion(),
            )

    def _send(self, messages: list[tuple[str, str]]) -> TrafficAnswers:
        """Send messages and wait until the store contains a record of each."""
        answers = traffic.send(self.parts.api, messages, _FEEDBACK_SHARE, seed=len(messages))
        predictions = set(answers.predictions)
        what = f"the records of {answers.count} answers in the store"
        wait_until(lambda: predictions <= records_in_store(self.parts.store), what, _UPLOAD_SECONDS)
        return answers

    def _look(self, title: str) -> DriftVerdict:
        with self.report.step(title) as step:
            self.parts.processes.run(
                "drift", "monitoring.drift_report", "--out", str(self.folder / "reports")
            )
            verdict = DriftVerdict.model_validate_json(self.parts.store.get(layout.DRIFT_VERDICT))
            frozen = self.parts.store.head(layout.baseline(verdict.bundle_digest)) is not None
            red = [check for check in verdict.checks if check.red and check.alarms]
            shown = " ".join(check.sentence for check in red[:3]) or verdict.sentence
            step.say(
                f"{verdict.verdict} over {verdict.window.records:,} records. {shown}",
                verdict=verdict.verdict,
                baseline=frozen,
                against=sorted({check.against for check in verdict.checks if check.alarms}),
                records=verdict.window.records,
                red=list(verdict.red_checks),
                examples=[example.message for example in verdict.contributors.messages[:5]],
            )
        return verdict

    def _board(self) -> Board:
        """Open the review board, as the staff page does."""
        ref = desired_model.read(self.parts.store).ref
        if ref is None:
            raise StepError("serving.json names no model")
        folder = bundle_store.fetch(self.parts.store, ref.digest, self.parts.cache, ref.made or None)
        return Board(self.parts.store, bundles.load(folder), ReviewSettings(), SlotSettings().values())

    def _gate_line(self, digest: str) -> str:
        """Describe the gate's checks, from its verdict in the store."""
        verdict = json.loads(self.parts.store.get(layout.gate_report(digest, "gate.json")))
        checks = verdict["checks"]
        return f" ({len(checks)} checks: {', '.join(str(check['name']) for check in checks)})"

    def _serves(self) -> str:
        """Return the model that the bot reports at /version."""
        with urlopen(f"{self.parts.api}/version", timeout=10) as answer:  # noqa: S310 - our own service
            said = json.loads(answer.read())
        return f"{said['model_version']}@{said['bundle_digest'][:12]}"

    def _champion(self) -> str:
        champion = self.parts.registry.champion()
        return champion.number if champion else ""

    def _verdict(self, number: str) -> str:
        return self.parts.registry.get(number).verdict or "not asked"
