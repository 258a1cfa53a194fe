"""The drift check from log to verdict, on a real MinIO and on the CSV; faults are named and counted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.model import bundle_store
from chatbot.records.erasure import mark_forgotten
from chatbot.records.schema import Feedback
from chatbot.settings import DriftSettings, LogSettings, ServiceSettings, StorageSettings
from chatbot.store import Store, open_store
from monitoring import drift_report
from monitoring.drift.baseline import first_records
from monitoring.drift.run import DriftResult, check
from monitoring.drift.served_model import ServedModel
from monitoring.drift.source import CsvSource, RecordSource, StoreSource
from monitoring.drift.window import read
from tests.monitoring.drift_traffic import NEW, NOW, VERSION, put, shifted, traffic, week, write_csv
from tests.monitoring.log_tools import ROOT
from tests.support.minio import Minio
from tests.support.store import overtaken

SERVICE = ServiceSettings(bundle=None, model="", model_version=VERSION)


@pytest.fixture
def store(minio: Minio, bucket: str) -> Store:
    return open_store(minio.settings(bucket))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bundle beside: the version that serves is that of the newest record."""
    monkeypatch.chdir(tmp_path)


def run(source: RecordSource, store: Store | None, folder: Path) -> DriftResult:
    return check(source, store, DriftSettings(), SERVICE, folder, NOW)


def test_a_new_product_in_a_tenth_of_the_traffic_is_red_and_the_report_names_its_messages(
    store: Store, tmp_path: Path
) -> None:
    put(store, week(new=0.1))
    source = StoreSource(store)
    first = run(source, store, tmp_path)
    assert any("frozen" in note for note in first.notes)
    found = run(source, store, tmp_path).verdict
    assert found.verdict == "red"
    assert "messages" in found.red_checks
    assert found.window.records == 1_000
    assert all(NEW in example.message for example in found.contributors.messages)
    assert all(check.sentence for check in found.checks)


def test_ordinary_traffic_is_green(store: Store, tmp_path: Path) -> None:
    put(store, week())
    run(StoreSource(store), store, tmp_path)
    found = run(StoreSource(store), store, tmp_path).verdict
    assert found.verdict == "green", found.red_checks
    assert found.checks
    assert not found.contributors.messages


def test_a_baseline_is_the_versions_first_records_and_frozen_once(store: Store, tmp_path: Path) -> None:
    put(store, week())
    run(StoreSource(store), store, tmp_path)
    [entry] = store.list("baselines/")
    before = store.get(entry.key)
    put(store, shifted(traffic(500, 9, NOW - timedelta(days=9), NOW - timedelta(days=8)), timedelta(0)))
    run(StoreSource(store), store, tmp_path)
    assert store.get(entry.key) == before


def test_the_csv_file_gives_the_same_verdict_without_a_store(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    write_csv(folder, week(new=0.1))
    assert run(CsvSource(folder), None, folder).verdict.verdict == "silent"
    found = run(CsvSource(folder), None, folder).verdict
    assert found.verdict == "red"
    assert (folder / f"baselines/version-{VERSION}.parquet").is_file()


def test_too_few_records_are_silent_and_say_so(store: Store, tmp_path: Path) -> None:
    put(store, week(new=0.5, window=499))
    run(StoreSource(store), store, tmp_path)
    found = run(StoreSource(store), store, tmp_path).verdict
    assert found.verdict == "silent"
    assert "499 messages" in found.sentence
    assert "500 are the least" in found.sentence


def test_only_the_serving_versions_records_are_compared_and_the_others_counted(
    store: Store, tmp_path: Path
) -> None:
    records = week() + traffic(700, 5, NOW - timedelta(hours=20), NOW - timedelta(hours=2), 1.0, "v6")
    put(store, records)
    run(StoreSource(store), store, tmp_path)
    outcome = run(StoreSource(store), store, tmp_path)
    assert outcome.verdict.verdict == "green"
    assert outcome.verdict.window.records == 1_000
    assert outcome.verdict.window.others == {"v6": 700}
    assert any("700 messages" in note and "v6" in note for note in outcome.notes)


def test_bundles_of_one_version_name_are_told_apart_and_older_records_count_by_version(
    tmp_path: Path,
) -> None:
    """After a rollback, or with a name that a person chose, two bundles may have one name."""
    since, until = NOW - timedelta(hours=20), NOW - timedelta(hours=2)
    older, ours, others = (traffic(count, seed, since, until) for count, seed in ((3, 1), (5, 2), (7, 3)))
    ours = [replace(record, bundle_digest="a" * 64) for record in ours]
    write_csv(tmp_path, older + ours + [replace(record, bundle_digest="b" * 64) for record in others])
    source, serving = CsvSource(tmp_path), ServedModel(VERSION, "a" * 64, None, since)
    window = read(source, serving, since, NOW, [])
    assert (window.records, window.others) == (3 + 5, {f"{VERSION}@{'b' * 12}": 7})
    first = first_records(source, serving, NOW, 100, NOW)
    assert first is not None
    assert first.num_rows == 3 + 5


def test_the_newest_record_says_which_bundle_serves_and_its_reference_is_compared_with(
    store: Store, tmp_path: Path, bundle_folder: Path
) -> None:
    # Without made.json: records that are older than the bundle are none of its own.
    older = shutil.copytree(bundle_folder, tmp_path / "bundle", ignore=shutil.ignore_patterns("made.json"))
    digest = bundle_store.push(store, older)
    before = traffic(600, 3, NOW - timedelta(hours=9), NOW - timedelta(hours=7), version="v6")
    put(store, before + [replace(record, bundle_digest=digest) for record in week()])
    first = run(StoreSource(store), store, tmp_path).verdict
    assert (first.model_version, first.bundle_digest) == (VERSION, digest)
    assert {check.against for check in first.checks} == {"reference"}, "before there is a baseline"
    assert first.out_of_scope is not None
    assert first.out_of_scope.learned_for == 0.1
    assert [entry.key for entry in store.list("baselines/")] == [f"baselines/{digest}.parquet"]
    assert {check.against for check in run(StoreSource(store), store, tmp_path).verdict.checks} == {
        "baseline",
        "reference",
    }


def test_a_bundle_that_the_store_does_not_hold_still_names_the_baseline(store: Store, tmp_path: Path) -> None:
    put(store, [replace(record, bundle_digest="b" * 64) for record in week()])
    assert run(StoreSource(store), store, tmp_path).verdict.verdict == "silent"
    assert run(StoreSource(store), store, tmp_path).verdict.bundle_digest == "b" * 64
    assert [entry.key for entry in store.list("baselines/")] == [f"baselines/{'b' * 64}.parquet"]


def test_a_part_cut_in_the_middle_is_skipped_counted_and_named(store: Store, tmp_path: Path) -> None:
    put(store, week())
    [extra] = put(store, traffic(50, 7, NOW - timedelta(days=1, minutes=-5), NOW - timedelta(hours=23)))[:1]
    content = store.get(extra)
    cut = extra.replace(".parquet", "-cut.parquet")
    store.put(cut, content[: len(content) // 2])
    run(StoreSource(store), store, tmp_path)
    outcome = run(StoreSource(store), store, tmp_path)
    assert outcome.verdict.window.skipped == 1
    assert any(cut in note for note in outcome.notes)


def test_a_torn_line_of_the_csv_is_passed_over_and_counted(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    file = write_csv(folder, week(window=600, before=1_000))
    file.write_bytes(file.read_bytes()[:-40])
    run(CsvSource(folder), None, folder)
    window = run(CsvSource(folder), None, folder).verdict.window
    assert (window.records, window.skipped) == (599, 1)


def test_a_log_of_an_older_schema_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    file = write_csv(folder, week())
    lines = file.read_text(encoding="utf-8").splitlines()
    # A column that this code does not know, behind all others.
    lines = [lines[0] + ",mood", *(line + ",grim" for line in lines[1:])]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run(CsvSource(folder), None, folder)
    assert run(CsvSource(folder), None, folder).verdict.verdict == "green"


def test_records_of_a_clock_that_is_ahead_are_left_out_and_counted(store: Store, tmp_path: Path) -> None:
    ahead = shifted(traffic(60, 3, NOW - timedelta(minutes=5), NOW, 1.0), timedelta(hours=3))
    slightly = shifted(traffic(40, 4, NOW - timedelta(minutes=1), NOW), timedelta(minutes=2))
    put(store, week() + slightly)
    put(store, week() + slightly + ahead)
    run(StoreSource(store), store, tmp_path)
    window = run(StoreSource(store), store, tmp_path).verdict.window
    assert (window.records, window.ahead) == (1_040, 60)


def test_an_empty_log_is_silent(tmp_path: Path) -> None:
    found = run(CsvSource(tmp_path / "nothing"), None, tmp_path).verdict
    assert found.verdict == "silent"
    assert found.window.records == 0


def test_more_thumbs_down_than_before_are_red(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    records = week()
    thumbs = [
        Feedback(record.timestamp + timedelta(minutes=1), record.prediction_id, place % 10 != 0)
        for place, record in enumerate(records[:3_000])
    ] + [
        Feedback(NOW - timedelta(minutes=2), record.prediction_id, place % 2 == 0)
        for place, record in enumerate(records[3_000:])
    ]
    write_csv(folder, records, thumbs)
    run(CsvSource(folder), None, folder)
    assert "feedback" in run(CsvSource(folder), None, folder).verdict.red_checks


def invoke(
    monkeypatch: pytest.MonkeyPatch, out: Path, environment: dict[str, str], *options: str
) -> tuple[int, str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(drift_report.app, ["--out", str(out), *options])
    return done.exit_code, done.output


def test_the_command_writes_page_verdict_and_metrics_and_puts_them_into_the_store(
    minio: Minio, bucket: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, week(new=0.1))
    environment = minio.environment(bucket) | {"CHATBOT_MODEL_VERSION": VERSION}
    out = tmp_path / "reports"
    invoke(monkeypatch, out, environment)
    code, output = invoke(monkeypatch, out, environment)
    assert code == 0, output
    made = DriftVerdict.model_validate_json((out / "drift.json").read_text(encoding="utf-8"))
    assert made.verdict == "red"
    page = (out / "drift.html").read_text(encoding="utf-8")
    assert page.index(made.checks[0].sentence[:40]) < page.index("Evidently")
    assert NEW in page
    metrics = (out / "drift.prom").read_text(encoding="utf-8")
    assert 'chatbot_drift_verdict{verdict="red"} 1.0' in metrics
    assert 'chatbot_drift_check_red{against="baseline",check="messages"} 1.0' in metrics
    latest = json.loads(store.get("reports/drift/latest.json"))
    assert store.get(latest["report"]).startswith(b"<!doctype html>")
    monkeypatch.setattr(drift_report, "evidently_report", lambda *_: "")
    assert invoke(monkeypatch, out, environment, "--fail-on-drift")[0] == 2


def test_messages_erased_while_the_report_is_written_are_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure that ran before the report was in the store did not find it there."""
    monkeypatch.setattr(drift_report, "evidently_report", lambda *_: "")
    store, log = (
        open_store(StorageSettings(url=str(tmp_path / "store"))),
        LogSettings(folder=tmp_path / "log"),
    )
    put(store, week(new=0.1))

    def report(store: Store) -> DriftVerdict:
        done = drift_report.report(tmp_path, store, DriftSettings(), log, SERVICE, "store", NOW)
        assert done is not None
        return done.verdict

    report(store)  # freezes the baseline
    erased = report(store).contributors.messages
    assert erased

    def erase(key: str) -> None:
        if key.endswith("latest.json"):
            for one in erased:
                mark_forgotten(store, one.prediction_id, NOW)

    shown = report(overtaken(store, put=erase)).contributors.messages
    files = [store.get(entry.key).decode() for entry in store.list("reports/drift/")]
    files += [(tmp_path / name).read_text(encoding="utf-8") for name in ("drift.json", "drift.html")]
    assert len(files) == 5
    for one in erased:
        assert one not in shown
        assert not any(one.message in content for content in files)


def test_a_store_that_is_down_is_named_ends_with_1_and_the_metric_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "CHATBOT_STORE_URL": "s3://bucket/prefix",
        "CHATBOT_STORE_ENDPOINT": "http://127.0.0.1:9",
        "CHATBOT_STORE_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    code, output = invoke(monkeypatch, tmp_path / "out", environment)
    assert code == 1
    assert "127.0.0.1:9" in output.replace("\n", "")
    assert "chatbot_drift_success 0.0" in (tmp_path / "out/drift.prom").read_text(encoding="utf-8")
    assert not (tmp_path / "out/drift.json").exists()


@pytest.mark.process
def test_it_runs_as_a_file_too() -> None:
    command = [sys.executable, str(ROOT / "monitoring" / "drift_report.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin"}, check=False)
    assert done.returncode == 0, done.stderr
    assert "--fail-on-drift" in done.stdout
