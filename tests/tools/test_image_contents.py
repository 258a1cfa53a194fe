"""Each image contains the modules that its commands import, and no package that they do not."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import grimp
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bento", "chatbot", "data", "k8s", "monitoring", "training", "ui")
FILES = {
    "api": "bentofile.yaml",
    "monitor": "monitoring/Dockerfile",
    "train": "training/Dockerfile",
    "mlflow": "training/mlflow.Dockerfile",
    "ui": "ui/Dockerfile",
    "staff": "ui/staff.Dockerfile",
}
COMMANDS = {
    "api": ("bento.__main__", "bento.keeper", "bento.service", "monitoring.ship", "monitoring.forget",
            "chatbot.storage"),
    "monitor": ("monitoring.drift_report", "monitoring.compact", "monitoring.retention", "monitoring.forget",
                "monitoring.ship", "monitoring.schedule", "k8s.trigger", "k8s.promote", "k8s.rollback",
                "k8s.secrets", "k8s.drain", "chatbot.storage"),
    "train": ("training.retrain", "training.train", "training.evaluate", "training.promote", "training.rollback",
              "training.versions", "training.send", "training.prove", "training.review.__main__",
              "training.gate.__main__", "training.dvc_remote", "data.process", "data.check",
              "training.model.encoder.__main__",
              "monitoring.schedule", "monitoring.retrain_if_needed", "chatbot.storage"),
    "mlflow": ("training.mlflow_server",),
    "ui": ("ui.__main__", "ui.app", "ui.chat.page"),
    "staff": ("ui.staff", "ui.staff_pages.page"),
}  # fmt: skip
"""What the chart, Compose and the docs run in each image."""


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True)


@cache
def imported(name: str) -> frozenset[str]:
    """Return all modules that the commands of an image import, directly or not, with their packages."""
    found: set[str] = set()
    waiting = list(COMMANDS[name])
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        parts = module.split(".")
        waiting += [".".join(parts[:length]) for length in range(1, len(parts))]
        waiting += graph().find_modules_directly_imported_by(module)
    return frozenset(found)


def sources(name: str) -> list[str]:
    """Return what an image's Dockerfile (or the Bento's description) copies into it: paths and patterns."""
    text = (ROOT / FILES[name]).read_text(encoding="utf-8")
    if name == "api":
        return [include.strip("/") for include in yaml.safe_load(text)["include"]]
    lines = re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


@cache
def copied(name: str) -> frozenset[str]:
    """Return all modules that an image's Dockerfile (or the Bento's description) copies into it."""
    files: set[Path] = set()
    for pattern in sources(name):
        for path in ROOT.glob(pattern):
            files |= set(path.rglob("*.py")) if path.is_dir() else {path}
    if name != "api":
        files = {file for file in files if _is_in_context(file.relative_to(ROOT))}
    return frozenset(
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in files
        if file.suffix == ".py" and file.relative_to(ROOT).parts[0] in PACKAGES
    )


def _is_in_context(file: Path) -> bool:
    """Whether `.dockerignore`, which excludes all but what it names with `!`, lets a file into the build's context."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    named = [line[1:] for line in lines if line.startswith("!")]
    return any(part.match(pattern) for pattern in named for part in (file, *file.parents) if part != Path())


@pytest.mark.parametrize("name", FILES)
def test_an_image_contains_every_module_that_its_commands_import(name: str) -> None:
    assert set(COMMANDS[name]) <= graph().modules
    assert imported(name) - copied(name) == set()


@pytest.mark.parametrize("name", FILES)
def test_an_image_contains_no_package_that_its_commands_do_not_import(name: str) -> None:
    packages = {module.rpartition(".")[0] for module in copied(name) if "." in module}
    shared = {package for package in packages if package.startswith("chatbot")}  # copied whole
    assert {package for package in packages - shared if package not in imported(name)} == set()


@pytest.mark.parametrize("name", FILES)
def test_skaffold_rebuilds_an_image_after_a_change_of_what_is_copied_into_it_and_of_nothing_else(
    name: str,
) -> None:
    artifacts = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))["build"]["artifacts"]
    (artifact,) = [a for a in artifacts if a["image"].endswith(f"/{name}")]
    watched = artifact["custom"]["dependencies"]["paths"]
    needed = {*sources(name), FILES[name]}
    below = {path: {source for source in needed if Path(source).is_relative_to(path)} for path in watched}
    assert needed - set().union(*below.values()) == set()
    assert [path for path, found in below.items() if not found] == []
