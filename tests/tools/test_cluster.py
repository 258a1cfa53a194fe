"""`make cluster`: selects the cluster, loads the images, prints the addresses; run with stub programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools import images
from tools.cluster import stack, target
from tools.cluster.__main__ import main as cluster_command
from tools.cluster.target import ClusterTarget, StackError
from tools.generate import chart
from tools.release import BLOCKS

pytestmark = pytest.mark.process

NOTING = """#!/bin/sh
echo "$(basename $0) $*" >> {notes}
case "$*" in
  *"get namespace -l"*) echo "namespace/shop" ;;
  *"get namespace "*) if [ -e {notes}.there ]; then echo Active; fi ;;
  *"get notes"*) printf 'NOTES:\\nChat:  kubectl port-forward\\n' ;;
esac
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that note how they were called, and nothing else on the path; the file with their notes."""
    programs = tmp_path / "bin"
    programs.mkdir()
    notes = tmp_path / "notes"
    notes.touch()
    for name in ("kubectl", "helm", "kind", "k3d", "minikube"):
        program = programs / name
        program.write_text(NOTING.format(notes=notes))
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    built = {name: images.Image(images.full_name(name), 1, "", "sha256:1") for name in images.DOCKERFILES}
    monkeypatch.setattr(images, "find", built.get)
    return notes


@pytest.mark.parametrize(
    ("context", "call"),
    [
        ("kind-dev", "kind load docker-image --name dev a:1 b:1"),
        ("k3d-dev", "k3d image import --cluster dev a:1 b:1"),
        ("minikube", "minikube --profile minikube image load b:1"),
    ],
)
def test_images_get_to_the_cluster_that_the_context_names(told: Path, context: str, call: str) -> None:
    target.find(context).take(["a:1", "b:1"])
    assert call in told.read_text().splitlines()


def test_a_cluster_that_shares_dockers_store_needs_nothing(told: Path) -> None:
    target.find("docker-desktop").take(["a:1"])
    assert told.read_text() == ""


def test_an_unknown_cluster_asks_for_a_registry(told: Path) -> None:
    with pytest.raises(StackError, match="REGISTRY="):
        target.find("prod-eu").take(["a:1"])


def test_without_a_context_the_error_says_how_to_get_a_cluster(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, "TESTBED", Path("/nowhere"))
    with pytest.raises(StackError, match="kind create cluster"):
        target.find()


@pytest.mark.parametrize(("state", "is_started"), [("Ready", False), ("NotReady", True)])
def test_the_testbeds_cluster_is_started_unless_its_node_is_ready(
    told: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, is_started: bool
) -> None:
    nodes = f"NAME   STATUS   ROLES    AGE   VERSION\nnode   {state}   <none>   1d    v1.34.0"
    testbed = tmp_path / "testbed"
    testbed.mkdir()
    for program, line in (
        (tmp_path / "bin" / "kubectl", f"echo '{nodes}'"),
        (testbed / "install", f"echo install >> {told}"),
        (testbed / "cluster", f"echo cluster $* >> {told}"),
    ):
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
    monkeypatch.setattr(target, "TESTBED", testbed)
    monkeypatch.setenv("TESTBED_HOME", str(tmp_path))
    target.find(is_started=True)
    assert told.read_text() == ("install\ncluster up\n" if is_started else "")


def test_a_program_that_does_not_end_is_an_error_in_one_line() -> None:
    here = ClusterTarget("", "other", dict(os.environ))
    with pytest.raises(StackError, match=r"sleep 60 …: it did not end within 0.05 s"):
        here.run("sleep", "60", seconds=0.05)


def test_the_stack_comes_up_in_a_restricted_namespace_of_its_own_and_says_how_to_chat(
    told: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.up(target.find("kind-dev"), "shop", "", ["--set=a=b"])
    calls = told.read_text().splitlines()
    assert (
        f"kubectl --context=kind-dev label namespace shop {stack.MADE} pod-security.kubernetes.io/enforce=restricted"
        in calls
    )
    (install,) = [call for call in calls if "upgrade --install" in call]
    assert install.startswith(
        f"helm --kube-context=kind-dev upgrade --install support-bot {chart.CHART} --namespace shop"
    )
    assert "--wait" in install
    assert install.endswith("--set=a=b")
    said = capsys.readouterr().out
    assert "Chat:" in said
    assert "make cluster-down" in said


def test_the_command_hands_what_follows_two_dashes_to_helm(told: Path) -> None:
    command = ["up", "--context", "kind-dev", "--namespace", "shop", "--", "--timeout=7m", "--set=a=b"]
    assert CliRunner().invoke(cluster_command, command).exit_code == 0
    (install,) = [call for call in told.read_text().splitlines() if "upgrade --install" in call]
    assert install.endswith("--timeout=7m --set=a=b")
    assert "--namespace shop" in install


@pytest.mark.usefixtures("told")
def test_the_command_says_in_one_line_what_is_missing() -> None:
    result = CliRunner().invoke(cluster_command, ["up", "--context", "prod-eu"])
    assert result.exit_code == 1
    assert "REGISTRY=" in result.output


def test_with_a_registry_every_image_is_pulled_from_there(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[str] = []

    def push(names: list[str], registry: str) -> dict[str, str]:
        pushed.extend(f"{registry}/{name}" for name in names)
        return {name: f"sha256:{name}" for name in names}

    monkeypatch.setattr(images, "push", push)
    stack.up(target.find("prod-eu"), "shop", "registry.example.com/team", [])
    assert pushed == [f"registry.example.com/team/{name}" for name in images.DOCKERFILES]
    (install,) = [call for call in told.read_text().splitlines() if "upgrade --install" in call]
    for name in images.DOCKERFILES:
        # By digest: the same tag may hold something else than before, and a node that has it asks for no other.
        assert (
            f"image.repository=registry.example.com/team/support-chatbot/{name},{BLOCKS[name]}.image"
            in install
        )
        assert f"{BLOCKS[name]}.image.digest=sha256:{name}" in install


def test_without_a_registry_pods_are_replaced_where_their_image_was_built_anew(
    told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in ("1" * 64, "2" * 64):
        monkeypatch.setattr(images, "find", lambda name, c=content: images.Image(name, 1, "", f"sha256:{c}"))
        stack.up(target.find("kind-dev"), "shop", "", [])
    before, after = [call for call in told.read_text().splitlines() if "upgrade --install" in call]
    for block in BLOCKS.values():
        assert f"{block}.pod.annotations.image-id={'1' * 16}" in before
        assert f"{block}.pod.annotations.image-id={'2' * 16}" in after


def test_images_of_another_commit_are_named_and_how_to_build_them(
    told: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for commit, is_named in ((images.commit(), False), ("0" * 40, True)):
        monkeypatch.setattr(images, "find", lambda name, c=commit: images.Image(name, 1, "", "sha256:1", c))
        stack.up(target.find("kind-dev"), "support-bot", "", [])
        assert ("`make images` builds them again" in " ".join(capsys.readouterr().out.split())) is is_named


def test_only_a_namespace_that_it_made_is_taken_away(told: Path) -> None:
    stack.down(target.find("kind-dev"), "nowhere")
    told.with_name("notes.there").touch()
    stack.down(target.find("kind-dev"), "another")
    assert "delete namespace" not in told.read_text()
    stack.down(target.find("kind-dev"), "shop")
    assert "kubectl --context=kind-dev delete namespace shop" in told.read_text().splitlines()


def test_what_a_program_said_when_it_failed_is_passed_on(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho 'no such cluster' >&2; exit 1\n")
    program.chmod(0o755)
    broken = ClusterTarget("kind-x", "kind", os.environ | {"PATH": str(tmp_path)})
    with pytest.raises(StackError, match="no such cluster"):
        broken.kubectl("get", "nodes")
    with pytest.raises(StackError, match="kind is missing"):
        broken.take(["a:1"])
