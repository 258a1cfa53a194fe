"""Runs and versions on a real MLflow server whose artifacts lie in a real MinIO, and in a local database."""

import json
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from chatbot.errors import BundleError, Unreachable
from chatbot.loop.registry import CHAMPION, GATE, ModelVersion
from chatbot.model import bundle as bundles
from chatbot.model.bundle_store import fetch, held, push
from chatbot.model.encoder import MODEL_FILE
from chatbot.settings import MlflowServerSettings, StorageSettings, TrackingSettings
from chatbot.store import open_store
from tests.k8s.memory_api import Registry as MemoryRegistry
from tests.support.minio import Minio
from tests.support.mlflow_server import MlflowServer
from tests.support.registry_server import serve
from tests.training import warm
from training import mlflow_server as server_module
from training.tracking import mlflow_app
from training.tracking.bundles import fetch_bundle
from training.tracking.client import TrackingFailed, connected
from training.tracking.registry import Registry
from training.tracking.runs import KEY, record, send, unsent

ROOT = Path(__file__).resolve().parents[2]
TAGS = {"corpus_digest": "c" * 32, "corpus_pointer": '{"format": 1}', "git_commit": "a" * 40}


@pytest.fixture(params=["server", "local"])
def tracking(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TrackingSettings:
    """A server whose clients hold no key of the store, and a database on this machine; an empty registry in each."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    if request.param == "local":
        made: Path = request.getfixturevalue("mlflow_database")
        (tmp_path / "mlruns").mkdir()
        shutil.copyfile(made, tmp_path / "mlruns" / "mlflow.db")
        return TrackingSettings(
            tracking_uri=f"sqlite:///{tmp_path}/mlruns/mlflow.db", unsent=tmp_path / "unsent"
        )
    server: MlflowServer = request.getfixturevalue("mlflow_server")
    own = f"{request.node.name}-{time.time_ns()}"
    return server.settings(tmp_path, model=own, experiment=own)


def a_run(settings: TrackingSettings, key: str = "") -> str:
    recorded = record(
        settings, "train 1", {"seed": 0}, {"accuracy": 0.9}, {"bundle_digest": "b"}, {}, {}, key=key
    )
    assert recorded.kept is None, recorded.reason
    return recorded.run_id


def changed(of: Path, folder: Path) -> Path:
    """Another bundle: the same files, one note differs."""
    copy = Path(shutil.copytree(of, folder))
    manifest = json.loads((copy / bundles.MANIFEST).read_text())
    manifest["target"] = {"note": folder.name}
    (copy / bundles.MANIFEST).write_text(json.dumps(manifest))
    return summed(copy)


def summed(folder: Path) -> Path:
    """Write the checksums of a bundle's files as they are."""
    lines = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in bundles.FILES]
    (folder / bundles.SUMS).write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def light_bundle(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose encoder is a few bytes: for what does not load it, and does not depend on its 60 MB."""
    folder = Path(shutil.copytree(bundle_folder, tmp_path_factory.mktemp("light") / "bundle"))
    (folder / MODEL_FILE).write_bytes(b"no encoder")
    return summed(folder)


@pytest.mark.process
def test_a_version_holds_its_whole_bundle_and_says_what_it_was_made_of(
    tracking: TrackingSettings, bundle_folder: Path, tmp_path: Path
) -> None:
    registry = Registry(tracking)
    assert registry.versions() == []
    assert registry.champion() is None
    version = registry.register(a_run(tracking), bundle_folder, TAGS)
    assert version.number == "1"
    assert version.bundle_digest == bundles.verify(bundle_folder)
    assert (version.corpus_digest, version.corpus_pointer, version.git_commit) == tuple(TAGS.values())
    assert version.scores == bundles.read_manifest(bundle_folder).scores
    assert version.verdict == ""
    fetched = registry.fetch("1", tmp_path / "fetched")
    assert bundles.verify(fetched) == version.bundle_digest
    assert str(version.ref) == f"1@{version.bundle_digest}+{version.made_digest}"
    assert version.made_digest == bundles.made_digest(bundle_folder) != ""
    forged = tmp_path / "forged" / bundles.MADE
    forged.parent.mkdir()
    forged.write_text('{"git_commit": "forged"}')
    with connected(tracking) as client:
        client.log_artifact(version.run_id, str(forged), "bundle")
    with pytest.raises(BundleError, match=r"made\.json has sha256"):
        registry.fetch("1", tmp_path / "again")


@pytest.mark.process
def test_aliases_and_the_verdict_move_and_the_same_bundle_is_never_a_second_version(
    tracking: TrackingSettings, light_bundle: Path, tmp_path: Path
) -> None:
    registry = Registry(tracking)
    run = a_run(tracking)
    first = registry.register(run, light_bundle, TAGS)
    again = registry.register(run, light_bundle, TAGS)
    second = registry.register(a_run(tracking), changed(light_bundle, tmp_path / "other"), TAGS)
    assert (first.number, again.number, second.number) == ("1", "1", "2")
    registry.set_alias(CHAMPION, "1")
    registry.set_alias(CHAMPION, "2")
    registry.tag("2", GATE, "passed")
    champion = registry.champion()
    assert champion is not None
    assert (champion.number, champion.verdict, champion.aliases) == ("2", "passed", (CHAMPION,))
    assert registry.get("1").aliases == ()
    assert registry.challenger() is None
    assert registry.find(first.bundle_digest) == first
    assert [version.number for version in registry.versions()] == ["2", "1"]


@pytest.mark.process
def test_a_version_that_does_not_exist_is_named_with_those_that_do(
    tracking: TrackingSettings, light_bundle: Path
) -> None:
    registry = Registry(tracking)
    registry.register(a_run(tracking), light_bundle, TAGS)
    with pytest.raises(TrackingFailed, match=r"no version '7'; there are: 1"):
        registry.get("7")


@pytest.mark.process  # serves HTTP
def test_versions_of_a_server_behind_a_login_are_read_without_mlflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with serve(MemoryRegistry({1: "a" * 64, 2: "b" * 64}, {"champion": "1"}), "staff", "secret") as url:
        settings = TrackingSettings(tracking_uri=url, tracking_username="staff", tracking_password="secret")
        registry = Registry(settings)
        assert [version.number for version in registry.versions()] == ["2", "1"]
        champion = registry.champion()
        assert champion is not None
        assert champion.ref.digest == "a" * 64
        with pytest.raises(TrackingFailed, match="MLFLOW_TRACKING_USERNAME"):
            Registry(TrackingSettings(tracking_uri=url)).versions()
    with pytest.raises(TrackingFailed, match="needs MLflow, which is not installed"):
        Registry(TrackingSettings(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")).versions()


@pytest.mark.process
def test_an_artifact_that_was_exchanged_is_refused(
    tracking: TrackingSettings, light_bundle: Path, tmp_path: Path
) -> None:
    registry = Registry(tracking)
    version = registry.register(a_run(tracking), light_bundle, TAGS)
    with connected(tracking) as client:
        client.log_artifacts(version.run_id, str(changed(light_bundle, tmp_path / "other")), "bundle")
    with pytest.raises(BundleError, match="should hold the bundle"):
        registry.fetch("1", tmp_path / "fetched")
    assert not list((tmp_path / "fetched").glob("[!.]*")), "nothing that was not checked stays"


@pytest.mark.process
def test_a_run_with_the_same_key_exists_once_and_an_interrupted_one_is_deleted(
    tracking: TrackingSettings,
) -> None:
    with connected(tracking) as client:
        from training.tracking.client import experiment

        half = client.create_run(experiment(client, tracking), tags={KEY: "retrain-1"})
    first = a_run(tracking, "retrain-1")
    assert a_run(tracking, "retrain-1") == first != half.info.run_id
    with connected(tracking) as client:
        runs = client.search_runs([experiment(client, tracking)])
    assert [run.info.run_id for run in runs] == [first]


@pytest.fixture(scope="module")
def mortal(
    minio: Minio, mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MlflowServer]:
    """A server that tests start and kill; a test finds it running, or not."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in minio.credentials.items():
            patch.setenv(name, value)
        store = minio.environment(minio.new_bucket())
    server = MlflowServer(tmp_path_factory.mktemp("mortal"), store, mlflow_database)
    yield server
    server.kill()


def test_a_run_that_the_server_does_not_take_is_kept_and_sent_later(
    mortal: MlflowServer, light_bundle: Path, tmp_path: Path
) -> None:
    server = mortal
    server.kill()
    settings = server.settings(tmp_path, experiment="kept")
    from matplotlib.figure import Figure

    began = time.monotonic()
    recorded = record(
        settings,
        "train 1",
        {"seed": 0},
        {f"metric/{number}": number for number in range(1500)},
        {"bundle_digest": "b"},
        {"picture.png": Figure(figsize=(2, 2))},
        {"": light_bundle / bundles.MANIFEST, "gate": light_bundle / bundles.RULES},
        seconds=60.0,
    )
    assert time.monotonic() - began < 10, "a dead server fails in seconds"
    assert recorded.run_id == ""
    assert "python -m training.send" in recorded.reason
    assert unsent(settings) == [recorded.kept]

    around = {
        **os.environ,
        "MLFLOW_TRACKING_URI": server.url,
        "MLFLOW_EXPERIMENT": settings.experiment,
        "MLFLOW_UNSENT": str(settings.unsent),
    }
    failed = warm.run("training.send", [], ROOT, around, 60)
    assert failed.returncode == 1
    assert "1 runs remain" in failed.stderr.replace("\n", " ")
    server.start()
    sent = warm.run("training.send", [], ROOT, around, 60)
    assert sent.returncode == 0, sent.stderr
    assert unsent(settings) == []
    with connected(settings) as client:
        found = client.get_experiment_by_name(settings.experiment)
        assert found is not None
        [run] = client.search_runs([found.experiment_id])
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 60_000
    assert len(run.data.metrics) == 1500
    assert files == {"gate", "model.json", "picture.png"}


def test_a_run_half_sent_when_the_server_died_is_sent_whole_and_once(
    mortal: MlflowServer, tmp_path: Path, light_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = mortal if mortal.ready() else mortal.start()
    settings = server.settings(tmp_path, experiment="half sent")
    # The variable, not the setting: what an earlier test of this process has set holds.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    from mlflow.tracking import MlflowClient

    sending = MlflowClient.log_artifacts

    def dies_now(*arguments: object) -> None:
        server.kill()
        sending(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(MlflowClient, "log_artifacts", dies_now)
    recorded = record(settings, "train", {}, {}, {}, {}, {"": light_bundle / bundles.MANIFEST}, key="train-1")
    assert recorded.kept is not None
    monkeypatch.setattr(MlflowClient, "log_artifacts", sending)
    server.start()
    run_id = send(settings, recorded.kept)
    with connected(settings) as client:
        found = client.get_experiment_by_name(settings.experiment)
        assert found is not None
        runs = client.search_runs([found.experiment_id])
        assert [run.info.run_id for run in runs] == [run_id]
        assert [file.path for file in client.list_artifacts(run_id)] == ["model.json"]


def test_the_server_answers_health_to_anyone_and_the_rest_to_names_it_knows(
    mlflow_server: MlflowServer,
) -> None:
    def status(path: str, host: str) -> int:
        try:
            with urlopen(Request(mlflow_server.url + path, headers={"Host": host}), timeout=10) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    assert status("/health", "evil.example.com") == 200
    assert status("/", "evil.example.com") == 403
    assert status("/", "127.0.0.1") == 200


def test_a_name_that_the_server_is_set_to_know_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    # As with `--allowed-hosts`, the setting counts and not the variable.
    monkeypatch.setenv("MLFLOW_SERVER_ALLOWED_HOSTS", "elsewhere")
    settings = MlflowServerSettings(allowed_hosts="mlflow.bots.svc:5000", artifacts="s3://b/mlflow")
    around = server_module.environment(settings, StorageSettings(url="none"))
    assert around["MLFLOW_SERVER_ALLOWED_HOSTS"] == "mlflow.bots.svc:5000"


def test_the_installed_mlflow_reads_the_variables_that_the_server_sets() -> None:
    from mlflow import environment_variables
    from mlflow.server import constants

    known = {value for name, value in vars(constants).items() if name.endswith("_ENV_VAR")}
    known |= {getattr(value, "name", "") for value in vars(environment_variables).values()}
    assert set(mlflow_app.variables("sqlite:///x", "/a", "h")) <= known, "MLflow changed: adapt mlflow_app"


def test_a_database_that_cannot_be_opened_is_an_error_of_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHATBOT_MLFLOW_BACKEND", f"sqlite:///{tmp_path}")
    assert server_module.main(["--upgrade"]) == 1
    said = capsys.readouterr().err
    assert said == f"the database sqlite:///{tmp_path} cannot be opened: unable to open database file\n"


def test_a_database_whose_driver_is_not_installed_is_an_error_that_names_the_package() -> None:
    with pytest.raises(server_module.CannotServeMlflow, match="install the package pymssql"):
        server_module.upgrade("mssql+pymssql://mlflow:secret@db/mlflow")


def test_an_upgrade_before_the_first_start_leaves_the_database_to_the_server(tmp_path: Path) -> None:
    assert "the server creates it" in server_module.upgrade(f"sqlite:///{tmp_path}/new/mlflow.db", asked=True)
    assert not (tmp_path / "new").exists()


def test_the_server_keeps_artifacts_in_the_store_by_default(tmp_path: Path) -> None:
    told, unset = MlflowServerSettings(artifacts=str(tmp_path)), MlflowServerSettings()
    assert server_module.artifacts_of(told, StorageSettings(url="s3://b")) == str(tmp_path)
    assert server_module.artifacts_of(unset, StorageSettings(url="s3://b/bot/")) == "s3://b/bot/mlflow"
    around = server_module.environment(unset, StorageSettings(url="s3://b", endpoint="http://minio:9000"))
    assert around["MLFLOW_S3_ENDPOINT_URL"] == "http://minio:9000"
    assert around["MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE"] == "path"
    assert around["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_postgresql_is_opened_with_the_driver_that_the_servers_image_holds(scheme: str) -> None:
    settings = MlflowServerSettings(backend=f"{scheme}://mlflow:secret@db:5433/mlflow")
    given = server_module.environment(settings, StorageSettings(url="s3://b"))["_MLFLOW_SERVER_FILE_STORE"]
    assert given == "postgresql+psycopg2://mlflow:secret@db:5433/mlflow"
    lock = (Path(__file__).parents[2] / "requirements" / "mlflow.txt").read_text()
    assert "psycopg2-binary==" in lock
    assert server_module.with_driver("sqlite:////data/mlflow.db") == "sqlite:////data/mlflow.db"
    assert server_module.with_driver("postgresql+asyncpg://db") == "postgresql+asyncpg://db", (
        "what is named is kept"
    )


@pytest.fixture(scope="module")
def made_old_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as an MLflow of two schema changes ago left it, with an experiment in it."""
    import mlflow
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from mlflow.store.db.base_sql_model import Base  # noqa: F401
    from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
    from sqlalchemy import create_engine, event

    file = tmp_path_factory.mktemp("old") / "mlflow.db"
    engine = create_engine(f"sqlite:///{file}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    InitialBase.metadata.create_all(engine)
    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations"
    config = Config(migrations / "alembic.ini")
    config.set_main_option("script_location", str(migrations))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{file}")
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revisions[2].revision)
    engine.dispose()
    with sqlite3.connect(file) as database:
        database.execute(
            "INSERT INTO experiments (name, artifact_location, lifecycle_stage) VALUES ('old', 'x', 'active')"
        )
    database.close()
    return file


@pytest.fixture
def old_database(made_old_database: Path, tmp_path: Path) -> Path:
    """A copy of it, alone in a folder."""
    (tmp_path / "old").mkdir()
    return Path(shutil.copyfile(made_old_database, tmp_path / "old" / "mlflow.db"))


def test_a_database_of_an_older_mlflow_is_copied_and_upgraded(old_database: Path) -> None:
    backend = f"sqlite:///{old_database}"
    before = old_database.read_bytes()
    said = server_module.upgrade(backend)
    [copy] = [file for file in old_database.parent.iterdir() if ".before-" in file.name]
    assert str(copy) in said
    with sqlite3.connect(copy) as kept, sqlite3.connect(old_database) as now:
        [[revision]] = kept.execute("SELECT version_num FROM alembic_version").fetchall()
        [[newer]] = now.execute("SELECT version_num FROM alembic_version").fetchall()
    assert copy.name == f"mlflow.db.before-{revision}"
    assert newer != revision
    assert len(before) == copy.stat().st_size
    with connected(TrackingSettings(tracking_uri=backend)) as client:
        assert "old" in {experiment.name for experiment in client.search_experiments()}
    assert server_module.upgrade(backend) == "", "a second start has nothing to do"


@pytest.mark.parametrize("by", ["a client", "the server"])
def test_a_process_stopped_while_it_creates_the_database_leaves_nothing_in_the_way(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}"

    def experiments() -> set[str]:
        if by == "the server":
            server_module.upgrade(uri)
        with connected(TrackingSettings(tracking_uri=uri)) as client:
            return {experiment.name for experiment in client.search_experiments()}

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr("mlflow.store.db.utils._upgrade_db", stop)
        with pytest.raises(KeyboardInterrupt):
            experiments()
    assert not list((tmp_path / "runs").iterdir())
    assert experiments() == {"Default"}


def test_a_database_that_is_half_made_is_an_error_of_one_line(tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE secrets (id INTEGER)")
    database.close()
    settings = TrackingSettings(tracking_uri=f"sqlite:///{file}")
    with (
        pytest.raises(TrackingFailed, match=r"secrets already exists: .* move it away"),
        connected(settings) as client,
    ):
        client.search_experiments()


def test_a_local_database_of_an_older_mlflow_says_what_upgrades_it(
    mlflow_database: Path, tmp_path: Path
) -> None:
    # Under a name that this process has not opened yet.
    old = shutil.copyfile(mlflow_database, tmp_path / "old.db")
    settings = TrackingSettings(tracking_uri=f"sqlite:///{old}")
    with sqlite3.connect(old) as database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    database.close()
    with pytest.raises(TrackingFailed, match="--upgrade"), connected(settings) as client:
        client.search_experiments()


def test_a_database_of_a_newer_mlflow_is_refused(old_database: Path) -> None:
    with sqlite3.connect(old_database) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    database.close()
    with pytest.raises(server_module.CannotServeMlflow, match="newer MLflow"):
        server_module.upgrade(f"sqlite:///{old_database}")


def test_a_bundle_in_the_store_comes_back_by_its_digest_and_is_written_once(
    minio: Minio, bucket: str, light_bundle: Path, tmp_path: Path
) -> None:
    store = open_store(minio.settings(bucket))
    digest = push(store, light_bundle)
    times = {entry.key: entry.modified for entry in store.list("bundles/")}
    assert push(store, light_bundle) == digest
    assert {entry.key: entry.modified for entry in store.list("bundles/")} == times
    fetched = fetch(store, digest, tmp_path / "cache", bundles.made_digest(light_bundle))
    assert fetched == tmp_path / "cache" / digest
    assert bundles.verify(fetched) == digest
    assert bundles.read_manifest(fetched) == bundles.read_manifest(light_bundle)


def test_a_bundle_of_the_store_that_is_not_whole_or_was_changed_is_refused_and_named(
    minio: Minio, bucket: str, light_bundle: Path, tmp_path: Path
) -> None:
    store = open_store(minio.settings(bucket))
    digest = push(store, light_bundle)
    rules = f"bundles/{digest}/rules.yaml"
    sound = store.get(rules)
    store.put(rules, sound.replace(b"a", b"b"))
    with pytest.raises(BundleError, match=r"rules\.yaml has sha256"):
        fetch(store, digest, tmp_path / "cache")
    store.put(rules, sound)
    store.delete(f"bundles/{digest}/SHA256SUMS")
    assert not held(store, digest)
    with pytest.raises(BundleError, match="SHA256SUMS"):
        fetch(store, digest, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir()), "nothing half fetched stays"
    assert push(store, light_bundle) == digest, "pushing again goes on where it stopped"
    assert fetch(store, digest, tmp_path / "cache").is_dir()


def test_a_whole_bundle_under_the_name_of_another_is_refused(light_bundle: Path, tmp_path: Path) -> None:
    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    digest = push(store, light_bundle)
    other = changed(light_bundle, tmp_path / "other")
    for name in (*bundles.FILES, bundles.SUMS):
        store.put_file(f"bundles/{digest}/{name}", other / name)
    with pytest.raises(BundleError, match="tampered"):
        fetch(store, digest, tmp_path / "cache")


def test_a_fetched_bundle_serves_while_the_store_is_unavailable_and_a_damaged_one_is_fetched_again(
    own_minio: Minio, light_bundle: Path, tmp_path: Path
) -> None:
    store = open_store(own_minio.settings(own_minio.new_bucket(), attempts=1, connect_seconds=0.5))
    digest = push(store, light_bundle)
    fetched = fetch(store, digest, tmp_path)
    (fetched / "replies.yaml").write_text("changed")
    assert bundles.verify(fetch(store, digest, tmp_path)) == digest
    own_minio.kill()
    assert fetch(store, digest, tmp_path) == fetched
    (fetched / "replies.yaml").write_text("changed")
    with pytest.raises(Unreachable):
        fetch(store, digest, tmp_path)


@dataclass
class Recorded:
    """A registry with one version, whose artifact is this folder."""

    artifact: Path
    fetches: int = 0

    def fetch(self, number: str, folder: Path) -> Path:
        self.fetches += 1
        return shutil.copytree(self.artifact, folder / number)


@pytest.mark.parametrize("forged", [b'{"git_commit": "forged"}', None], ids=["changed", "removed"])
def test_what_says_how_a_bundle_was_made_cannot_be_changed_in_the_store_unnoticed(
    light_bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, forged: bytes | None
) -> None:
    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    digest = push(store, light_bundle)
    tags = {"bundle_digest": digest, "made_digest": bundles.made_digest(light_bundle)}
    version = ModelVersion("1", "", datetime.now(UTC), tags=tags)
    registry = Recorded(light_bundle)
    fetch_bundle(store, cast(Registry, registry), version, tmp_path / "first")
    assert (registry.fetches, caplog.text) == (0, "")
    key = f"bundles/{digest}/{bundles.MADE}"
    true = store.get(key)
    if forged is None:
        store.delete(key)
    else:
        store.put(key, forged)
    with pytest.raises(BundleError, match=r"made\.json has sha256"):
        fetch(store, digest, tmp_path / "cache", version.made_digest)
    assert not list((tmp_path / "cache").iterdir()), "nothing that was not verified stays"
    got = fetch_bundle(store, cast(Registry, registry), version, tmp_path / "second")
    assert bundles.read_manifest(got).git_commit == bundles.read_manifest(light_bundle).git_commit
    assert "made.json has sha256" in caplog.text
    assert store.get(key) == true, "the registry's copy replaces the store's"


def test_a_copy_in_the_cache_with_another_made_is_not_used_and_the_bundles_digest_ignores_it(
    light_bundle: Path, tmp_path: Path
) -> None:
    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    digest, made = push(store, light_bundle), bundles.made_digest(light_bundle)
    cached = fetch(store, digest, tmp_path / "cache", made)
    (cached / bundles.MADE).write_text('{"git_commit": "forged"}')
    assert bundles.verify(cached) == digest
    assert bundles.made_digest(fetch(store, digest, tmp_path / "cache", made)) == made
