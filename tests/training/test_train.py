"""The commands: from any corpus to a bundle that answers, as a module and as a file, with the run recorded."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.model import bundle as bundles
from data.folder import read_intents
from data.processing import ProcessParams
from tests.training import warm
from training.corpus.reading import read
from training.model.encoder.export import EncoderUnusable, Proof, export, locate
from training.model.held_out import read_held_out

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("accuracy", "macro_f1", "ece", "scope_auroc", "mcc", "coverage", "risk")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120", "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def run_warm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m training.train`, in a process whose imports are done."""
    around = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", "HF_HUB_OFFLINE": "1"}
    return warm.run("training.train", arguments, ROOT, around, 170)


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some of what ships as a CSV of somebody else's: few rows, one intent with a single message, own column names."""
    file = tmp_path_factory.mktemp("corpus") / "mine.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["utterance", "label"])
        for intent in read_intents(ROOT / "data" / "corpus")[:12]:
            writer.writerows((message, intent.intent) for _, message in intent.messages[:20])
        writer.writerow(["do you sell bicycles for left-handed giants", "giant_bicycles"])
    return file


@pytest.fixture(scope="module")
def trained(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A bundle of that corpus, the tracking store, and what the command printed."""
    folder = tmp_path_factory.mktemp("trained")
    out, store = folder / "bundle", folder / "mlflow.db"
    done = run(
        "training/train.py",
        "--corpus",
        str(small_corpus),
        "--out",
        str(out),
        MLFLOW_TRACKING_URI=f"sqlite:///{store}",
    )
    assert done.returncode == 0, done.stderr
    return out, store, done.stdout + done.stderr


def test_any_corpus_becomes_a_bundle_that_answers(trained: tuple[Path, Path, str]) -> None:
    bundle = bundles.load(trained[0])
    assert "giant_bicycles" in bundle.manifest.labels
    assert bundle.manifest.target["evaluated"] == "out-of-fold"
    assert bundle.manifest.scores["messages"] == 240, "every row is scored but the only one of its intent"
    assert bundle.predict(["please cancel my order"])[0].alternatives[0].intent == "cancel_order"


def test_training_prints_its_steps_and_the_results_path(trained: tuple[Path, Path, str]) -> None:
    out, _, printed = trained
    assert str(out) in printed.replace("\n", "")
    assert "giant_bicycles" in printed, "an intent of few messages, or without a reply, is named"


def test_training_begins_with_a_check_of_the_labels(trained: tuple[Path, Path, str]) -> None:
    bundle, _, said = trained
    labels = bundle.with_name("bundle-labels")
    assert str(labels / "labels.html") in said.replace("\n", "")
    assert "giant_bicycles" in (labels / "labels.html").read_text()
    assert (labels / "suspects.csv").is_file()


def test_the_run_is_recorded_with_metrics_and_pictures(trained: tuple[Path, Path, str]) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{trained[1]}")
    [run] = client.search_runs([e.experiment_id for e in client.search_experiments()])
    assert run.info.status == "FINISHED"
    assert run.data.tags["bundle_digest"] == bundles.verify(trained[0])
    assert {
        "accuracy",
        "per_intent/cancel_order/macro_f1",
        "per_slice/short/accuracy",
    } <= run.data.metrics.keys()
    assert run.data.tags["evaluated"] == "out-of-fold"
    pictures = {"confusion_matrix.png", "reliability.png", "risk_coverage.png", "learning_curve.png"}
    assert pictures <= {file.path for file in client.list_artifacts(run.info.run_id)}


def test_the_bundle_keeps_an_out_of_fold_prediction_of_each_scored_row(
    trained: tuple[Path, Path, str], small_corpus: Path
) -> None:
    kept = read_held_out(trained[0])
    assert len(kept) == 240
    rows = read(small_corpus, ProcessParams()).rows
    assert set(kept) == set(rows.loc[rows["intent"] != "giant_bicycles", "row_hash"])


def test_the_same_corpus_and_seed_give_the_same_weights(
    trained: tuple[Path, Path, str], small_corpus: Path, tmp_path: Path
) -> None:
    again = run_warm("--corpus", str(small_corpus), "--out", str(tmp_path / "again"), "--no-track")
    assert again.returncode == 0, again.stderr
    head = "head.safetensors"
    assert (tmp_path / "again" / head).read_bytes() == (trained[0] / head).read_bytes()


def test_any_bundle_is_scored_on_any_labelled_corpus_as_json(bundle_folder: Path, tmp_path: Path) -> None:
    rows = [("where is my refund", "track_refund"), ("what is the capital of Peru", "out_of_scope")]
    corpus = tmp_path / "rows.jsonl"
    corpus.write_text("\n".join(json.dumps({"text": text, "intent": intent}) for text, intent in rows))
    done = run("training/evaluate.py", "--bundle", str(bundle_folder), "--corpus", str(corpus), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(KEYS) <= report.keys()
    assert report["per_intent"]["track_refund"]["accuracy"] == 1


def test_a_bad_corpus_is_an_error_by_file_line_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("message,intent\nhello,greet\n,greet\n")
    done = run_warm("--corpus", str(file), "--out", str(tmp_path / "out"), "--no-track")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "3" in done.stderr
    assert "empty" in done.stderr
    assert not (tmp_path / "out").exists()


def test_an_encoder_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(EncoderUnusable, match="no-such-encoder"):
        locate("no-such-encoder")


def test_packaged_weights_that_are_not_the_expected_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.model.encoder.export.DEFAULT_WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(EncoderUnusable, match="trusted"):
        locate()


def test_an_export_that_lost_accuracy_stops_the_training() -> None:
    with pytest.raises(EncoderUnusable, match="not faithful"):
        Proof(1000, 0.99, 0.9, accuracy_original=90.0, accuracy_export=85.0, lost_error=0.5).check()
    with pytest.raises(EncoderUnusable, match="not faithful"):
        Proof(1000, 0.90, 0.5, accuracy_original=90.0, accuracy_export=90.0, lost_error=0.5).check()
    Proof(1000, 0.993, 0.98, accuracy_original=90.0, accuracy_export=89.9, lost_error=0.2).check()


def test_an_export_is_made_once_and_says_how_faithful_it_is(trained: tuple[Path, Path, str]) -> None:
    cached = export("all-MiniLM-L6-v2", ROOT / ".cache" / "encoders", [], [])
    assert cached.proof.cosine_mean > 0.98
    assert cached.proof.messages >= 200
