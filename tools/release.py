"""Write a release to dist/: the chart, the manifests, every image with its digest, a values file that pins them all.

    python -m tools.release [--registry registry.example.com/team] [--out dist]          (make release)

With a registry, the images are pushed to it first, and all files reference them there by digest. Without one, the
images are referenced as they are named on this machine, with their ids: save them, load them on the cluster's nodes,
and compare the ids.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
import yaml

from data.commands import command
from tools import images
from tools.generate import chart
from tools.generate.chart import ChartError
from tools.images import ImagesError

VALUES, LIST, SUMS, GUIDE = "values-images.yaml", "images.txt", "SHA256SUMS", "README.txt"

BLOCKS = {
    "api": "api",
    "ui": "chatPage",
    "staff": "staffPages",
    "mlflow": "mlflow",
    "monitor": "driftCheck",
    "train": "retrain",
}
"""The chart value that each of the project's images belongs to."""

OTHERS = ("minio", "pushgateway")
"""Chart values of third-party images, pinned in values.yaml."""

_GUIDE = """\
support-chatbot {version}: what is needed to install it, in a network without a way out too.

1. The images of images.txt go where the cluster can pull them.
{images}
2. helm install support-bot support-chatbot-{version}.tgz -n support-bot --create-namespace -f values-images.yaml
   Images in another registry than images.txt says: --set global.image.registry=YOUR-REGISTRY, which takes the place of
   the first part of every name (a.example.com/team/api becomes YOUR-REGISTRY/team/api).
   Without helm: kubectl create namespace {namespace}; kubectl apply -k manifests   (images: kustomization.yaml)
3. sha256sum -c SHA256SUMS says whether anything was changed on the way.
"""
_PUSHED = """\
   A mirror:  grep -v '^#' images.txt | while read -r image digest id; do
                skopeo copy --all "docker://${image%:*}@$digest" "docker://YOUR-REGISTRY/${image#*/}"; done
   No line between here and there: skopeo copy each to dir:FOLDER, carry the folders over, and from dir: to docker://."""
_LOCAL = """\
   Those without a digest exist only on the machine that built them: `make release REGISTRY=...` pushes them
   and names them by digest. For a cluster on that machine: kind load docker-image, k3d image import, minikube image
   load."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """An image of a release.

    Attributes:
        block: the chart value that contains its `image`.
        name: without tag or digest.
        digest: of the manifest in the registry; empty: it was not pushed.
        identity: of its content, the same on every machine that loads it; empty if it is not on this machine.
    """

    block: str
    name: str
    tag: str
    digest: str
    identity: str = ""

    @property
    def line(self) -> str:
        """Return the image's line in images.txt."""
        return f"{self.name}:{self.tag}  {self.digest or '-'}  {self.identity or '-'}"


def ours(registry: str) -> list[Shipped]:
    """Return the project's images, pushed if a registry is given.

    Raises:
        ImagesError: an image is not built, or could not be pushed.
    """
    digests = images.push(list(images.DOCKERFILES), registry) if registry else {}
    found = []
    for name in images.DOCKERFILES:
        if (built := images.find(name)) is None:
            raise ImagesError(f"{images.full_name(name)} is not built: `make images` builds them all")
        at = images.target_name(name, registry) if registry else images.full_name(name)
        repository, _, tag = at.rpartition(":")
        found.append(Shipped(BLOCKS[name], repository, tag, digests.get(name, ""), built.identity))
    return found


def others() -> list[Shipped]:
    """Return the third-party images of the chart, as pinned in values.yaml."""
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8"))
    told = ((block, values[block]["image"]) for block in OTHERS)
    return [Shipped(block, image["repository"], image["tag"], image["digest"]) for block, image in told]


def write(out: Path, shipped: Sequence[Shipped]) -> list[Path]:
    """Recreate the release folder.

    Returns:
        Its files.

    Raises:
        ChartError: helm rejects the chart.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    package = [chart.program("helm"), "package", str(chart.CHART), "--destination", str(out)]
    answer = subprocess.run(package, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ChartError(answer.stderr.strip())
    (out / LIST).write_text("# image  digest  id\n" + "".join(f"{image.line}\n" for image in shipped))
    (out / VALUES).write_text(_values(shipped))
    # Rendered, because a policy names the images too.
    chart.write(out / "manifests", chart.manifests("--values", str(out / VALUES)))
    version = yaml.safe_load((chart.CHART / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    where = _PUSHED if all(image.digest for image in shipped) else _LOCAL
    guide = _GUIDE.format(version=version, namespace=chart.NAMESPACE, images=where)
    (out / GUIDE).write_text(guide)
    files = sorted(file for file in out.rglob("*") if file.is_file())
    (out / SUMS).write_text(
        "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(out)}\n" for f in files)
    )
    return [*files, out / SUMS]


def _values(shipped: Sequence[Shipped]) -> str:
    """Return a values file that pins each image as released."""
    told = {
        image.block: {"image": {"repository": image.name, "tag": image.tag, "digest": image.digest}}
        for image in shipped
    }
    head = "# Made by `make release`: every image of the chart as it was released.\n"
    return head + yaml.safe_dump(told, sort_keys=False)


@command()
def main(
    registry: Annotated[str, typer.Option(help="Push the images there first.")] = "",
    out: Path = chart.ROOT / "dist",
) -> None:
    """Write a release."""
    for file in write(out, [*ours(registry), *others()]):
        if file.parent == out:
            typer.echo(file)


if __name__ == "__main__":
    main()
