"""Each client's key opens its own prefixes of a real MinIO and no others, as the bootstrap's script makes them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from pathlib import Path

import pytest

from chatbot.errors import Denied
from chatbot.storage import check
from chatbot.store import Store, open_store
from tests.chart.conftest import Render
from tests.support.minio import Minio
from tests.support.requirements import program

CLIENTS = ("api", "drift", "upkeep", "retrain", "staff", "mlflow")
KEYS = (
    *("log/day=2026-01-01/a.parquet", "feedback/day=2026-01-01/a.parquet", "handoffs/day=2026-01-01/a.json"),
    "contacts/day=2026-01-01/a.json",
    *("bundles/0/SHA256SUMS", "baselines/0.parquet", "reports/drift/latest.json", "reports/gate/0/gate.json"),
    "reports/erasure-lease.json",
    *(
        "memory/retrain.json",
        "reviews/a.json",
        "forgotten/a.json",
        "staff/sessions/a.json",
        "serving.json",
        "dvc/files/md5/00/1",
        "mlflow/1/x",
    ),
)
REPORTS = {"reports/drift", "reports/gate", "reports/erasure-lease.json"}
WRITES = {
    "api": {"log", "feedback", "handoffs", "contacts", "serving.json"},
    "drift": {"baselines", "reports/drift", "memory"},
    "upkeep": {"log", "feedback", "handoffs", "reviews", "forgotten", "dvc", *REPORTS},
    "retrain": {"bundles", "reports/gate", "reports/erasure-lease.json", "memory", "serving.json", "dvc"},
    "staff": {"reviews", "forgotten", "staff"},
    "mlflow": {"mlflow"},
}
SEEN = {
    "log",
    "feedback",
    "handoffs",
    "bundles",
    "baselines",
    "memory",
    "reviews",
    "forgotten",
    "serving.json",
    *REPORTS,
}
READS = {
    "api": {"bundles", "serving.json"},
    "drift": SEEN,
    "upkeep": SEEN | {"dvc", "contacts"},
    "retrain": SEEN | {"dvc"},
    "staff": SEEN | {"staff", "contacts"},
    "mlflow": {"mlflow"},
}
# Which ids were erased, so that a pod erases them from its own files.
LISTS = READS | {"api": READS["api"] | {"forgotten"}}
DELETES = {
    "api": set(),
    "drift": set(),
    "upkeep": (SEEN | {"dvc", "contacts"}) - {"forgotten", "memory", "serving.json"},
    "retrain": {"memory", "dvc"},
    "staff": {"staff"},
    "mlflow": {"mlflow"},
}


@pytest.fixture(scope="module")
def script(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bootstrap's script beside its policies, as the Job mounts them: a ConfigMap of the rendered chart."""
    (config,) = [part for part in render() if part["metadata"]["name"].endswith("-minio-setup")]
    folder = tmp_path_factory.mktemp("setup")
    for name, text in config["data"].items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "minio-setup.sh"


def setup(script: Path, minio: Minio, bucket: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The bootstrap's script, run as the Job runs it."""
    environment = {
        "PATH": f"{program('mc').parent}:{os.environ['PATH']}",
        "MINIO_URL": minio.url,
        "MINIO_ROOT_USER": minio.user,
        "MINIO_ROOT_PASSWORD": minio.password,
        "BUCKET": bucket,
        "MC_CONFIG_DIR": str(folder / "mc"),
        "ATTEMPTS": "5",
    }
    for client in CLIENTS:
        environment |= {
            f"KEY_{client.upper()}": f"{bucket}-{client}",
            f"SECRET_{client.upper()}": f"secret-of-{client}",
        }
    return subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def bucket(script: Path, minio: Minio, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A bucket that the script made, twice: the second run changes nothing."""
    name = "policies-test"
    for _ in range(2):
        done = setup(script, minio, name, tmp_path_factory.mktemp("mc"))
        assert done.returncode == 0, done.stdout + done.stderr
        assert minio.password not in done.stdout + done.stderr
    return name


def opened(
    minio: Minio, bucket: str, user: str, secret: str, patch: pytest.MonkeyPatch, key: str = "bundles/none"
) -> Store:
    patch.setenv("AWS_ACCESS_KEY_ID", user)
    patch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    store = open_store(minio.settings(f"s3://{bucket}"))
    assert store.head(key) is None  # boto3 has read the key now
    return store


def allowed(attempt: object) -> bool:
    try:
        attempt()  # type: ignore[operator]
    except Denied:
        return False
    return True


def prefixes(keys: list[str]) -> set[str]:
    """`reports/drift/latest.json` -> `reports/drift`, `log/...` -> `log`."""
    return {"/".join(key.split("/")[:2]) if key.startswith("reports/") else key.split("/")[0] for key in keys}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_may_do_what_it_needs_and_no_more(
    minio: Minio, bucket: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        root = opened(minio, bucket, minio.user, minio.password, patch)
        for key in KEYS:
            root.put(key, b"there")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"{bucket}-{client}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"secret-of-{client}")
    store = open_store(minio.settings(f"s3://{bucket}"))
    may_read = [key for key in KEYS if allowed(lambda key=key: store.get(key))]
    may_write = [key for key in KEYS if allowed(lambda key=key: store.put(key, b"again"))]
    may_list = [
        key
        for key in KEYS
        if "/" in key and allowed(lambda key=key: list(store.list(f"{key.split('/')[0]}/")))
    ]
    may_delete = [key for key in KEYS if allowed(lambda key=key: store.delete(key))]
    assert prefixes(may_read) == READS[client]
    assert prefixes(may_write) == WRITES[client]
    assert prefixes(may_delete) == DELETES[client]
    assert prefixes(may_list) - {"serving.json"} == LISTS[client] - {"serving.json"}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_may_run_the_check_of_the_runbook(
    minio: Minio, bucket: str, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(minio, bucket, f"{bucket}-{client}", f"secret-of-{client}", monkeypatch, key="check/none")
    steps: list[str] = []
    check(store, steps.append)
    assert steps[-1] == "  delete: yes"


@pytest.mark.process
def test_every_policy_belongs_to_a_client(script: Path) -> None:
    rows = script.with_name("policies.txt").read_text().splitlines()[1:]
    assert {row.split()[0] for row in rows} == {*CLIENTS, "each"}
    assert f"for client in {' '.join(CLIENTS)}; do" in script.read_text()


@pytest.mark.process
@pytest.mark.parametrize("client", CLIENTS)
def test_a_policy_names_no_bucket_but_its_own(script: Path, client: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "BUCKET": "own", "MC_CONFIG_DIR": str(tmp_path)}
    made = subprocess.run(["bash", str(script), client], env=environment, capture_output=True, check=True)
    statements = json.loads(made.stdout)["Statement"]
    for resource in itertools.chain.from_iterable(s["Resource"] for s in statements):
        assert resource == "arn:aws:s3:::own" or resource.startswith("arn:aws:s3:::own/"), resource


def test_a_wrong_root_key_is_reported_and_ends_the_script(script: Path, minio: Minio, tmp_path: Path) -> None:
    wrong = Minio(tmp_path)
    wrong.port, wrong.user, wrong.password = minio.port, minio.user, "another-password"
    done = setup(script, wrong, "never-made", tmp_path)
    assert done.returncode == 1
    assert "did not take the root key" in done.stderr
    assert "another-password" not in done.stdout + done.stderr
