"""The chart to upgrade from, and a release of it.

It is the chart of the last git tag, or without a tag, the chart before its last change. Today's images run in
both.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml

from tests.e2e import installing
from tests.e2e.installing import VALUES
from tests.e2e.progress import Progress
from tests.e2e.release import Release
from tests.support.requirements import ROOT
from tools.generate import chart
from tools.images import tag

_OURS = ("api", "chatPage", "staffPages", "mlflow", "driftCheck", "retrain")


def install(release: Release, folder: Path, progress: Progress) -> Release:
    """The release, with its version rolled out by name; the chart is unpacked into the folder."""
    before = _unpack(folder, progress)
    installing.uninstall(release)
    installing.make_namespace(release.namespace)
    with progress.step("helm install of the chart before"):
        release.helm("install", release.name, str(before), *values(before), "--wait", "--timeout=400s")
        installing.wait_for_bootstrap(release)
    with progress.step("version 1 is rolled out by name"):
        release.roll_back("1")
    return release


def values(folder: Path = chart.CHART) -> list[str]:
    """Return helm's arguments: the values of the tests, and today's images under the tags that the chart asks for.

    Args:
        folder: the chart; settings that it does not know yet are left out.
    """
    images = yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8"))
    tags = {component: tag() for component in _OURS}
    tags |= {component: str(images[component]["image"]["tag"]) for component in ("minio", "pushgateway")}
    chosen = [f"--set-string={component}.image.tag={name}" for component, name in tags.items()]
    schema = json.loads((folder / "values.schema.json").read_text(encoding="utf-8"))
    known = schema["definitions"]["settings"]["properties"]
    given = yaml.safe_load(VALUES.read_text(encoding="utf-8"))
    settings = [section["settings"] for section in given.values() if "settings" in section]
    if all(name in known for each in settings for name in each):
        return [f"--values={VALUES}", *chosen]
    for each in settings:
        for name in [name for name in each if name not in known]:
            del each[name]
    kept = folder / "values-of-the-tests.yaml"
    kept.write_text(yaml.safe_dump(given), encoding="utf-8")
    return [f"--values={kept}", *chosen]


def _unpack(folder: Path, progress: Progress) -> Path:
    name = chart.CHART.relative_to(ROOT)
    tags = _git("describe", "--tags", "--abbrev=0", "HEAD^", check=False)
    commit = tags or f"{_git('log', '-1', '--format=%H', '--', str(name))}^"
    progress.say(f"upgrading from {tags or f'the chart before its last change, {commit[:8]}^'}")
    packed = subprocess.run(
        ["git", "archive", commit, str(name)], cwd=ROOT, capture_output=True, check=True
    ).stdout
    # Not by `tarfile`: Debian 12's Python 3.11.2 has no filters, and later ones warn without.
    subprocess.run(["tar", "-x", "-C", folder], input=packed, check=True)
    return folder / name


def _git(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip() if done.returncode == 0 else ""
