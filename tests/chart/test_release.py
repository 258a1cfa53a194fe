"""What a release leaves installs what was released, and nothing that it does not list."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import containers, parsed, pod_specs
from tools import release
from tools.generate import chart
from tools.images import DOCKERFILES
from tools.release import Shipped

pytestmark = pytest.mark.process

REGISTRY = "registry.example.com:5000/team"


@pytest.fixture(scope="module")
def pushed() -> list[Shipped]:
    """Our images as if pushed, and the others."""
    ours = [
        Shipped(
            release.BLOCKS[name],
            f"{REGISTRY}/support-chatbot/{name}",
            "9.9",
            f"sha256:{number:064x}",
            "sha256:1",
        )
        for number, name in enumerate(DOCKERFILES, 1)
    ]
    return [*ours, *release.others()]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory, pushed: list[Shipped]) -> Path:
    out = tmp_path_factory.mktemp("release") / "dist"
    out.mkdir()
    (out / "of-an-older-release.tgz").write_text("old")
    release.write(out, pushed)
    return out


def images_of(text: str) -> set[str]:
    return {container["image"] for _, spec in pod_specs(parsed(text)) for container in containers(spec)}


def listed(dist: Path) -> set[str]:
    rows = [
        line.split() for line in (dist / "images.txt").read_text().splitlines() if not line.startswith("#")
    ]
    return {f"{name.rpartition(':')[0]}@{digest}" for name, digest, _ in rows}


def test_the_packaged_chart_installs_exactly_the_listed_images(dist: Path) -> None:
    (package,) = dist.glob("support-chatbot-*.tgz")
    said = subprocess.run(
        [chart.program("helm"), "template", "bot", str(package), "-f", str(dist / "values-images.yaml")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert images_of(said.stdout) == listed(dist)
    assert len(listed(dist)) == len(DOCKERFILES) + 2


def test_a_mirror_takes_the_place_of_every_registry(dist: Path) -> None:
    (package,) = dist.glob("*.tgz")
    told = ["-f", str(dist / "values-images.yaml"), "--set", "global.image.registry=mirror.internal"]
    command = [chart.program("helm"), "template", "bot", str(package), *told]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert images_of(said.stdout) == {"mirror.internal/" + image.partition("/")[2] for image in listed(dist)}


def test_the_manifests_install_exactly_the_listed_images(dist: Path) -> None:
    command = [chart.program("kubectl"), "kustomize", str(dist / "manifests")]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert images_of(said.stdout) == listed(dist)
    # The admission policy lets in what the retrain CronJob runs: it must name the same images.
    documents = parsed(said.stdout)
    policies = [d for d in documents if d["kind"] == "ValidatingAdmissionPolicy"]
    (policy,) = [policy for policy in policies if "-jobs-" in policy["metadata"]["name"]]
    (cron,) = [d for d in documents if d["kind"] == "CronJob" and d["metadata"]["name"].endswith("-retrain")]
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert json.dumps(container["image"]) in json.dumps(policy).replace('\\"', '"')


def test_the_package_holds_no_more_than_a_chart(dist: Path) -> None:
    (package,) = dist.glob("*.tgz")
    with tarfile.open(package) as archive:
        names = {name.split("/")[1] for name in archive.getnames()}
    assert names - {".helmignore"} == {
        "README.md",
        "Chart.yaml",
        "values.yaml",
        "values.schema.json",
        "templates",
        "files",
    }


def test_the_checksums_cover_every_file_and_an_older_release_is_removed(dist: Path) -> None:
    sums = dict(reversed(line.split("  ")) for line in (dist / "SHA256SUMS").read_text().splitlines())
    there = {str(file.relative_to(dist)) for file in dist.rglob("*") if file.is_file()}
    assert set(sums) == there - {"SHA256SUMS"}
    assert "of-an-older-release.tgz" not in there
    for name, digest in sums.items():
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest


def test_images_that_were_pushed_nowhere_are_named_by_their_ids_and_the_guide_says_so(tmp_path: Path) -> None:
    local = [
        Shipped(b, f"docker.io/support-chatbot/{n}", "9.9", "", "sha256:7") for n, b in release.BLOCKS.items()
    ]
    release.write(tmp_path / "dist", [*local, *release.others()])
    lines = (tmp_path / "dist" / "images.txt").read_text().splitlines()
    assert "docker.io/support-chatbot/api:9.9  -  sha256:7" in lines
    assert "make release REGISTRY=" in (tmp_path / "dist" / "README.txt").read_text()


def test_every_image_of_ours_has_a_place_in_the_values() -> None:
    assert set(release.BLOCKS) == set(DOCKERFILES)
    values: dict[str, Any] = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    named = {block for block, value in values.items() if isinstance(value, dict) and "image" in value}
    assert named - {"global"} == {*release.BLOCKS.values(), *release.OTHERS}
