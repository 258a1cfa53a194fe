"""skaffold.yaml, read by the real skaffold: what it would build, and what it would deploy."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import requirements
from tools.images import DOCKERFILES, PREFIX

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
TOOLS = requirements.TESTBED_HOME / "bin"


def skaffold(tmp_path: Path, *arguments: str) -> str:
    program = requirements.program("skaffold")
    environment = os.environ | {
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "SKAFFOLD_UPDATE_CHECK": "false",
        "SKAFFOLD_INTERACTIVE": "false",
    }
    done = subprocess.run(
        [program, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def images_of(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["image"]} if isinstance(node.get("image"), str) else set()
        return own.union(*map(images_of, node.values()))
    return set().union(*map(images_of, node)) if isinstance(node, list) else set()


def test_every_image_of_the_project_is_an_artifact(tmp_path: Path) -> None:
    told = skaffold(tmp_path, "diagnose")
    assert f"Number of artifacts: {len(DOCKERFILES)}" in told
    assert all(f"Custom artifact: {PREFIX}/{name}\n" in told for name in DOCKERFILES)


@pytest.mark.parametrize("profile", ["", "registry"])
def test_what_is_deployed_runs_the_images_that_were_built(tmp_path: Path, profile: str) -> None:
    built = {f"{PREFIX}/{name}": f"{PREFIX}/{name}:just-built" for name in DOCKERFILES}
    artifacts = tmp_path / "build.json"
    artifacts.write_text(
        json.dumps({"builds": [{"imageName": name, "tag": tag} for name, tag in built.items()]})
    )
    chosen = ["--profile", profile] if profile else []
    out = tmp_path / "rendered.yaml"
    told = ["--build-artifacts", str(artifacts), "--digest-source", "none", "--output", str(out)]
    skaffold(tmp_path, "render", *told, *chosen)
    documents = list(yaml.safe_load_all(out.read_text()))
    ours = {image for image in images_of(documents) if image.startswith(PREFIX)}
    assert ours == set(built.values())
    # It names the images of a release, and would refuse every retrain Job of the ones that were just built.
    assert not [d for d in documents if d["kind"].startswith("ValidatingAdmissionPolicy")]
