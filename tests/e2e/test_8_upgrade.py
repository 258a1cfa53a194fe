"""An upgrade from the chart before keeps everything; an uninstall leaves what the documentation says, and no more."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.store import Store
from tests.bento.steady import SteadyLoad
from tests.e2e import chart_before, installing
from tests.e2e.progress import Progress
from tests.e2e.release import Release
from tests.support import testbed
from tests.support.requirements import ROOT
from tests.support.testbed import Json, until
from tools.generate import chart
from tools.loop.parts import records_in_store

# The first test waits for the images on the node.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

PAGE = ROOT / "docs" / "operations" / "chart.md"
KEPT = {"Secret", "PersistentVolumeClaim"}
"""What docs/operations/chart.md says that an uninstall leaves."""
CLUSTERS = {"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"}
"""What Kubernetes itself keeps in every namespace."""


@pytest.fixture(scope="module")
def old(cluster: None, tmp_path_factory: pytest.TempPathFactory, progress: Progress) -> Iterator[Release]:
    """A release of the chart before, in which a version was rolled out, in a namespace of its own."""
    release = Release("old", "upgrade")
    yield chart_before.install(release, tmp_path_factory.mktemp("before"), progress)
    installing.drop(release)


def test_an_upgrade_keeps_data_secrets_and_the_serving_version_without_failed_requests(
    old: Release, progress: Progress
) -> None:
    asked = old.ask("I want a refund")["prediction_id"]
    with old.store("drift") as store:
        until("the record is in the store", lambda: asked in records_in_store(store), 60)
    with old.store() as store:
        kept = _keys(store)
    told, secrets, claims = old.desired_model(), _secrets(old), _claims(old)
    assert told.startswith("1@")
    assert len(secrets) == 9
    with (
        progress.step("helm upgrade to the chart of today, under load"),
        SteadyLoad(old.api, clients=4, pause=0.1, messages={"I want a refund": "get_refund"}) as load,
    ):
        old.helm("upgrade", old.name, str(chart.CHART), *chart_before.values(), "--wait", "--timeout=400s")
        installing.wait_for_bootstrap(old)
        old.roll_out("api")
    progress.say(str(load.seen))
    assert load.seen.failures == [], load.seen
    assert (old.desired_model(), _secrets(old), _claims(old)) == (told, secrets, claims)
    assert {str(version["model_version"]) for version in old.versions()} == {"1"}
    with old.store() as store:
        assert kept <= _keys(store)
        assert asked in records_in_store(store)
    with old.registry() as registry:
        assert [(version.number, version.aliases) for version in registry.versions()] == [
            ("1", ("champion",))
        ]


def test_an_upgrade_after_kubectl_scale_and_rollout_undo_takes_the_documented_command(old: Release) -> None:
    page = f"deployment/{old.name}-page"
    old.kubectl("set", "resources", page, "--requests=cpu=55m")
    old.kubectl("rollout", "undo", page)
    old.kubectl("scale", page, "--replicas=2")
    told = old.desired_model()
    upgrade = ("upgrade", old.name, str(chart.CHART), "--reset-then-reuse-values", "--cleanup-on-fail")
    jobs = ("get", "jobs", "--selector=app.kubernetes.io/component=bootstrap", "-o=name")
    made = old.kubectl(*jobs)
    refused = old.helm(*upgrade, check=False)
    assert "conflict" in refused.stderr
    assert ".spec.replicas" in refused.stderr
    until("the refused upgrade's Job is gone", lambda: old.kubectl(*jobs) == made, 60)
    assert "--reset-then-reuse-values --force-conflicts --cleanup-on-fail" in PAGE.read_text(encoding="utf-8")
    old.helm(*upgrade, "--force-conflicts", "--wait")
    assert old.get(page)["spec"]["replicas"] == 1
    assert old.desired_model() == told, "the model that serves is not the chart's"


def test_helm_test_chats_with_the_bot(old: Release, progress: Progress) -> None:
    with progress.step("helm test"):
        said = old.helm("test", old.name, "--logs", "--timeout=120s").stdout
    assert "Succeeded" in said
    assert '"intent": "get_refund"' in said


@pytest.fixture(scope="module")
def backup(old: Release, tmp_path_factory: pytest.TempPathFactory, progress: Progress) -> Backup:
    """What the documentation's commands save of it, before it is taken away."""
    saved = Backup(old, tmp_path_factory.mktemp("backup"))
    with progress.step("backup, as documented"):
        saved.run("Back up")
    return saved


def test_an_uninstall_leaves_volumes_and_secrets_and_nothing_else(
    old: Release, backup: Backup, progress: Progress
) -> None:
    secrets, claims = _secrets(old), _claims(old)
    with progress.step("helm uninstall"):
        old.helm("uninstall", old.name, "--wait", "--timeout=200s")
        until("its pods are gone", lambda: not old.pods(is_leaving=True), 120)
    left = {entry for entry in _everything(old) if entry not in CLUSTERS}
    assert {entry.partition("/")[0] for entry in left} == KEPT
    assert (_secrets(old), _claims(old)) == (secrets, claims)
    policies = testbed.kubectl(
        "get", "validatingadmissionpolicies,validatingadmissionpolicybindings", "-o=name"
    ).stdout
    assert f"{old.namespace}-{old.name}-" not in policies
    assert "are kept at uninstall, like volumes" in PAGE.read_text(encoding="utf-8")


@pytest.mark.certify
def test_what_was_backed_up_comes_back_in_an_empty_namespace(
    old: Release, backup: Backup, progress: Progress
) -> None:
    secrets = _secrets(old)
    with progress.step("an empty namespace"):
        installing.uninstall(old)
        installing.make_namespace(old.namespace)
    with progress.step("restore, as documented"):
        backup.run("Restore")
        old.roll_out("mlflow")
        old.roll_out("api")
    assert (old.desired_model(), _secrets(old)) == (backup.desired_model, secrets)
    assert {str(version["model_version"]) for version in old.versions()} == {"1"}
    assert old.ask("I want a refund")["intent"] == "get_refund"
    with old.store() as store:
        assert backup.keys <= _keys(store)
        assert backup.records <= records_in_store(store)
    assert old.champion() == "1"


class Backup:
    """The commands of docs/operations/chart.md, run word by word but for names, address and the tests' values."""

    def __init__(self, release: Release, folder: Path) -> None:
        """Saves nothing yet; notes what must come back."""
        self.release = release
        self.folder = folder
        self.desired_model = release.desired_model()
        with release.store() as store:
            self.keys, self.records = _keys(store), records_in_store(store)

    def run(self, chapter: str) -> None:
        """The shell blocks of the chapter that begins with this word."""
        text = PAGE.read_text(encoding="utf-8").partition(f"**{chapter}**")[2].partition("\n**")[0]
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        assert blocks, chapter
        for block in blocks:
            # The port-forward that the page asks for, where there is a MinIO to reach.
            is_there = bool(self.release.items("services"))
            with (
                self.release.forward(f"service/{self.release.name}-minio", 9000)
                if is_there
                else contextlib.nullcontext("") as url
            ):
                self._shell(block.replace("http://127.0.0.1:9000", url))

    def _shell(self, commands: str) -> None:
        release = self.release
        commands = commands.replace("-n support-bot", f"-n {release.namespace}")
        commands = re.sub(r"\bsupport-bot\b", release.name, commands)
        commands = commands.replace("helm/support-chatbot", str(chart.CHART))
        commands = commands.replace("--wait", f"--wait {shlex.join(chart_before.values())}")
        environment = {
            **os.environ,
            "KUBECONFIG": str(testbed.ADMIN),
            "PATH": f"{testbed.HOME / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "n": f"kubectl -n {release.namespace}",
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"


def _secrets(release: Release) -> dict[str, Json]:
    """Their content by name; helm's own are not the release's."""
    found = release.items("secrets", f"--selector=app.kubernetes.io/instance={release.name}")
    return {secret["metadata"]["name"]: secret["data"] for secret in found}


def _claims(release: Release) -> dict[str, str]:
    """The volume of each claim."""
    return {c["metadata"]["name"]: c["spec"]["volumeName"] for c in release.items("persistentvolumeclaims")}


def _keys(store: Store) -> set[str]:
    """Return the store's objects without the log's parts, which compaction may merge."""
    return {entry.key for prefix in ("bundles/", "dvc/", "mlflow/") for entry in store.list(prefix)}


def _everything(release: Release) -> set[str]:
    """`Kind/name` of everything in the namespace but what happened in it."""
    kinds = testbed.kubectl("api-resources", "--namespaced", "--verbs=list", "-o=name").stdout.split()
    wanted = [kind for kind in kinds if not kind.startswith(("events", "pods.metrics"))]
    return {
        f"{entry['kind']}/{entry['metadata']['name']}" for entry in release.items(",".join(wanted))
    }  # fmt: skip
