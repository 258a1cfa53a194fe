"""Install the release on a cluster (images, `helm upgrade --install`, addresses to open) and uninstall it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console

from tools import images
from tools.cluster.corpus import PackedCorpus
from tools.cluster.target import TESTBED, ClusterTarget
from tools.generate import chart
from tools.release import ours

RELEASE = "support-bot"
MADE = "support-chatbot/made-by=make-cluster"
"""Label of the namespaces that `down` deletes with the stack."""

console = Console()
_PLAIN = 'FROM docker.io/library/debian:bookworm-slim\nCOPY {0} /usr/bin/{0}\nENTRYPOINT ["/usr/bin/{0}"]\n'


def up(
    target: ClusterTarget,
    namespace: str,
    registry: str,
    more: Sequence[str],
    corpus: PackedCorpus | None = None,
) -> None:
    """Install the stack, or upgrade it to the current images and chart.

    Args:
        registry: the images are pushed to and pulled from it; empty: they are loaded onto the nodes.
        more: additional arguments for helm, such as `--set`.
        corpus: what the cluster trains and serves; None: the corpus of the images.

    Raises:
        ImagesError, ChartError, StackError: a step failed; says what to do.
    """
    console.print(f"[bold]== cluster {target.context}[/bold]")
    if missing := [name for name in images.DOCKERFILES if images.find(name) is None]:
        images.build(missing)
    if older := [name for name in images.DOCKERFILES if _is_older(name)]:
        console.print(
            f"[yellow]built from another commit than this checkout: {', '.join(older)}; `make images` builds them "
            "again[/yellow]",
            soft_wrap=True,
        )
    # The content behind a tag can change: referring to the digest or id makes Kubernetes replace the pods.
    shipped = ours(registry)
    if registry:
        values = [
            f"--set={image.block}.image.repository={image.name},{image.block}.image.digest={image.digest}"
            for image in shipped
        ]
    else:
        with console.status("images to the nodes"):
            target.take([f"{image.name}:{image.tag}" for image in shipped])
        values = [
            f"--set-string={image.block}.pod.annotations.image-id={image.identity.removeprefix('sha256:')[:16]}"
            for image in shipped
        ]
    if corpus is not None:
        values += corpus.values
    values += more
    if target.kind == "testbed":
        values = [*_stand_ins(target), *values]
    with console.status("helm upgrade --install, until all is ready"):
        if not target.kubectl("get", "namespace", namespace, "--ignore-not-found"):
            target.kubectl("create", "namespace", namespace)
            target.kubectl(
                "label", "namespace", namespace, MADE, "pod-security.kubernetes.io/enforce=restricted"
            )
        if corpus is not None:
            # Server-side: kubectl would copy the content into an annotation, whose size is limited.
            target.kubectl(
                "apply",
                "--server-side",
                "--force-conflicts",
                "-n",
                namespace,
                "-f",
                "-",
                stdin=corpus.config_map(),
            )
        target.helm("upgrade", "--install", RELEASE, str(chart.CHART), "--namespace", namespace, "--wait",
                    "--timeout=15m", *values)  # fmt: skip
    notes = target.helm("get", "notes", RELEASE, "--namespace", namespace)
    if target.kind == "testbed":
        console.print(
            f'first:           eval "$({TESTBED / "cluster"} env)"', soft_wrap=True, highlight=False
        )
    console.print(notes.partition("NOTES:\n")[2] or notes, soft_wrap=True, highlight=False, markup=False)
    console.print("remove it        make cluster-down")


def down(target: ClusterTarget, namespace: str) -> None:
    """Uninstall the release and delete what `make cluster` created: volumes, secrets, the namespace."""
    target.run("helm", f"--kube-context={target.context}", "uninstall", RELEASE, "--namespace", namespace,
               "--ignore-not-found", "--wait", check=False)  # fmt: skip
    if not target.kubectl("get", "namespace", namespace, "--ignore-not-found"):
        console.print(f"{target.context} has no namespace {namespace}")
        return
    ours = target.kubectl("get", "namespace", "-l", MADE, "-o", "name").split()
    if f"namespace/{namespace}" in ours:
        target.kubectl("delete", "namespace", namespace)
        console.print(f"{namespace} is gone from {target.context}, with its data")
    else:
        console.print(
            f"the release is gone; the namespace {namespace} was there before, and keeps volumes and secrets:\n"
            f"kubectl -n {namespace} delete pvc,secret -l app.kubernetes.io/instance={RELEASE}"
        )
    if target.kind == "testbed" and not target.helm("list", "--all-namespaces", "--short").strip():
        target.run(TESTBED / "cluster", "down")


def _is_older(name: str) -> bool:
    """Return whether an image was built from another commit than the one that is checked out."""
    image = images.find(name)
    return image is not None and image.commit not in ("", images.commit())


def _stand_ins(target: ClusterTarget) -> list[str]:
    """Provide third-party images to the testbed, which cannot pull: its MinIO and Debian's pushgateway, retagged.

    Returns: helm values.
    """
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8"))
    named = {block: values[block]["image"] for block in ("minio", "pushgateway")}
    tags = {block: f"{image['repository']}:{image['tag']}" for block, image in named.items()}
    target.run("podman", "tag", "quay.io/minio/minio:latest", tags["minio"])
    program = shutil.which("prometheus-pushgateway")
    if program is None:
        target.take([tags["minio"]])
        return ["--set=minio.image.digest=,pushgateway.enabled=false"]
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy2(program, folder)
        (Path(folder) / "Dockerfile").write_text(_PLAIN.format("prometheus-pushgateway"), encoding="utf-8")
        target.run(TESTBED / "build-image", "--format", "docker", "-q", "-t", tags["pushgateway"], folder)
    target.take(list(tags.values()))
    return ["--set=minio.image.digest=,pushgateway.image.digest="]
