"""Build all or some of the project's images, or push them; list them with size and digest.

    python -m tools.images build [NAME ...]      api train monitor ui staff mlflow
    python -m tools.images push --registry registry.example.com/team
    python -m tools.images one NAME      for Skaffold: IMAGE is the image's name, PUSH_IMAGE whether to push it

Builds with Docker, else with podman; IMAGE_BUILDER names another command that accepts `-t NAME -f FILE CONTEXT`.
Every image is tagged with this project's version (override: IMAGE_TAG). PYTHON_IMAGE pins the base image by digest,
TORCH_INDEX sets PyTorch's package index.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from chatbot.errors import ChatbotError
from data.commands import command

ROOT = Path(__file__).resolve().parent.parent

PREFIX = "docker.io/support-chatbot"
"""Prefix of the image names before they are pushed; equals the chart's default."""

DOCKERFILES = {
    "api": None,  # the Bento brings its own
    "train": "training/Dockerfile",
    "monitor": "monitoring/Dockerfile",
    "ui": "ui/Dockerfile",
    "staff": "ui/staff.Dockerfile",
    "mlflow": "training/mlflow.Dockerfile",
}

_AT_ONCE = max(2, (os.cpu_count() or 2) // 2)
"""Maximum number of concurrent builds: about half of a build waits for network and disk."""

console = Console()


class ImagesError(ChatbotError):
    """A build or push failed; says what to do."""


@dataclass(frozen=True)
class Image:
    """One image in the builder's store."""

    name: str
    bytes: int
    digest: str
    """Digest of the manifest in a registry (`sha256:...`); empty before the image was pushed."""
    identity: str = ""
    """Image id (`sha256:...`): the same on every machine that loads the image."""
    commit: str = ""
    """Commit of the checkout that it was built from; empty: unknown."""


def tag() -> str:
    """Return IMAGE_TAG, else the project's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return os.environ.get("IMAGE_TAG") or str(project["version"])


def full_name(name: str, registry: str = PREFIX) -> str:
    """Return the name with registry and tag: `docker.io/support-chatbot/api:0.1.0`."""
    return f"{registry.rstrip('/')}/{name}:{tag()}"


def builder() -> list[str]:
    """Return the build command up to its options.

    Raises:
        ImagesError: neither Docker nor podman is installed.
    """
    if given := os.environ.get("IMAGE_BUILDER"):
        return shlex.split(given)
    program = _store()
    return [program, "build"] if program == "docker" else [program, "build", "--format", "docker"]


def build(names: Sequence[str]) -> None:
    """Build the named images.

    Raises:
        ImagesError: a name is unknown, or a build failed; its output was printed.
    """
    for name in names:
        if name not in DOCKERFILES:
            raise ImagesError(f"no image {name!r}: there are {', '.join(DOCKERFILES)}")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        builds = [pool.submit(_build, name, is_alone=len(names) == 1) for name in names]
        try:
            for done in as_completed(builds):
                done.result()
        except ImagesError:
            pool.shutdown(cancel_futures=True)
            raise


def _build(name: str, is_alone: bool) -> None:
    context, file = _bento() if name == "api" else (ROOT, ROOT / str(DOCKERFILES[name]))
    given = {
        "GIT_COMMIT": commit(),
        **{name: os.environ.get(name, "") for name in ("PYTHON_IMAGE", "TORCH_INDEX")},
    }
    text = file.read_text(encoding="utf-8")
    arguments = [f"--build-arg={k}={value}" for k, value in given.items() if value and f"ARG {k}=" in text]
    console.print(f"[bold]== image {name}[/bold]")
    command = [*builder(), "-t", full_name(name), "-f", str(file), *arguments, str(context)]
    _run(*command, prefix="" if is_alone else f"{name:8}")


def target_name(name: str, registry: str) -> str:
    """Return an image's name in a registry, as the chart requests it with global.image.registry."""
    return full_name(name, f"{registry.rstrip('/')}/{PREFIX.partition('/')[2]}")


def push(names: Sequence[str], registry: str) -> dict[str, str]:
    """Tag the images for this registry and push them.

    Returns:
        The digest of each image in the registry.

    Raises:
        ImagesError: an image is missing, or the registry rejected it.
    """
    digests = {}
    for name in names:
        target = target_name(name, registry)
        _run(_store(), "tag", full_name(name), target)
        with tempfile.NamedTemporaryFile() as told:
            # podman writes the pushed digest to a file; docker records it in the image's metadata.
            _run(_store(), "push", *(["--digestfile", told.name] if _store() == "podman" else []), target)
            digests[name] = Path(told.name).read_text(encoding="utf-8").strip() or _digest(target)
    return digests


def _digest(target: str) -> str:
    """Return the digest of an image that Docker pushed to the target's repository.

    Raises:
        ImagesError: Docker recorded no digest.
    """
    repository = target.rpartition(":")[0]
    for digest in (_inspect(target) or {}).get("RepoDigests") or []:
        if digest.startswith(f"{repository}@"):
            return str(digest.rpartition("@")[2])
    raise ImagesError(f"{target} was pushed, and {_store()} says no digest of it")


def one(name: str, image: str, is_pushed: bool) -> None:
    """Build an image under another name and optionally push it; called by Skaffold.

    Raises:
        ImagesError: the build or the push failed.
    """
    build([name])
    _run(_store(), "tag", full_name(name), image)
    if is_pushed:
        _run(_store(), "push", image)


def find(name: str) -> Image | None:
    """Return the built image; None: not built yet."""
    if (found := _inspect(full_name(name))) is None:
        return None
    digests = [digest.rpartition("@")[2] for digest in found.get("RepoDigests") or []]
    identity = "sha256:" + str(found["Id"]).removeprefix("sha256:")
    labels = found.get("Labels") or (found.get("Config") or {}).get("Labels") or {}
    commit = str(labels.get("org.opencontainers.image.revision", ""))
    return Image(full_name(name), int(found["Size"]), digests[0] if digests else "", identity, commit)


def _inspect(image: str) -> dict[str, Any] | None:
    """Return what the image store knows of an image; None: it is not there."""
    asked = [_store(), "image", "inspect", image]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return None if answer.returncode else dict(json.loads(answer.stdout)[0])


def show(names: Sequence[str]) -> None:
    """Print a table of the built images."""
    table = Table("image", "MB", "digest")
    for name in names:
        if (image := find(name)) is None:
            table.add_row(full_name(name), "not built", "")
        else:
            table.add_row(image.name, f"{image.bytes / 1e6:.0f}", image.digest[:19])
    console.print(table)


def _bento() -> tuple[Path, Path]:
    """Run `bentoml build` with a separate Bento store. Returns: the Bento's folder and its Dockerfile."""
    if not (ROOT / "models" / "current" / "SHA256SUMS").is_file():
        raise ImagesError(
            "the API's image carries a bundle, and models/current holds none: `make bundle` trains it"
        )
    home = ROOT / ".cache" / "bentos"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    bentoml = str(Path(sys.executable).with_name("bentoml"))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CHATBOT_")},
        "BENTOML_HOME": str(home),
        "BENTOML_DO_NOT_TRACK": "True",
    }
    _run(bentoml, "build", "--output", "tag", environment=environment)
    bento = next((home / "bentos" / "support-chatbot").glob("*/bento.yaml")).parent
    return bento, bento / "env" / "docker" / "Dockerfile"


def commit() -> str:
    """Return the checked-out commit; empty: not a git checkout."""
    asked = ["git", "rev-parse", "HEAD"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


@cache
def _store() -> str:
    """Return the program that stores the images: a running Docker, else podman.

    Raises:
        ImagesError: neither is available.
    """
    given = os.environ.get("IMAGE_BUILDER", "")
    if shutil.which("podman") and given and "docker" not in given.split()[0]:
        return "podman"
    if shutil.which("docker") and _answers("docker", "info"):
        return "docker"
    if shutil.which("podman"):
        return "podman"
    raise ImagesError("neither a running Docker nor podman was found: install one of them to build images")


def _answers(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _run(*command: str, environment: dict[str, str] | None = None, prefix: str = "") -> None:
    """Run a command; with a prefix, every output line starts with it, to tell concurrent commands apart."""
    if prefix:
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            for line in process.stdout or ():
                said = line.decode(errors="replace").rstrip()
                console.print(prefix, said, markup=False, highlight=False, soft_wrap=True)
        code = process.returncode
    else:
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    if code:
        raise ImagesError(f"failed: {shlex.join(command)}")


@command()
def main(
    verb: Annotated[Literal["build", "push", "one"], typer.Argument()],
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Default: all.")] = None,
    registry: Annotated[str, typer.Option(help="To push to, such as registry.example.com/team.")] = "",
) -> None:
    """Build or push images, and list them."""
    chosen = names or list(DOCKERFILES)
    if verb == "one":
        one(chosen[0], os.environ["IMAGE"], os.environ.get("PUSH_IMAGE") == "true")
        return
    if verb == "build":
        build(chosen)
    elif not registry:
        raise typer.BadParameter("push needs --registry, such as registry.example.com/team")
    else:
        push(chosen, registry)
    show(chosen)


if __name__ == "__main__":
    main()
