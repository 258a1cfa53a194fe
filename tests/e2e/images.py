"""The images on the node: ours, and stand-ins, under the chart's own names, for what would be pulled.

python -m tests.e2e.images      copy them there ahead of `make e2e`: they stay when the cluster goes down
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import yaml

from tests.support import requirements, testbed
from tests.support.requirements import TESTBED
from tools.generate import chart
from tools.images import DOCKERFILES, full_name

PROMETHEUS = "docker.io/prom/prometheus:debian"
_DOCKERFILE = """\
FROM docker.io/library/debian:bookworm-slim
COPY {program} /usr/bin/{program}
ENTRYPOINT ["/usr/bin/{program}"]
"""


def all_images() -> list[str]:
    """Names of all of them; those that stand in for others are made."""
    ours = [full_name(name) for name in DOCKERFILES]
    with testbed.locked("stand-ins"):
        return [*ours, _minio(), _debian("prometheus-pushgateway", _named("pushgateway")), _prometheus()]


def _named(component: str) -> str:
    """As the chart asks for it, by tag."""
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8"))
    image = values[component]["image"]
    return f"{image['repository']}:{image['tag']}"


def _minio() -> str:
    """The testbed's MinIO."""
    name = _named("minio")
    testbed.run("podman", "tag", "quay.io/minio/minio:latest", name)
    return name


def _prometheus() -> str:
    return _debian("prometheus", PROMETHEUS)


def _debian(program: str, name: str) -> str:
    """An image of a program that Debian installed on this machine."""
    found = requirements.program(program)
    if testbed.run("podman", "image", "exists", name, check=False).returncode == 0:
        return name
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy2(found, Path(folder) / program)
        (Path(folder) / "Dockerfile").write_text(_DOCKERFILE.format(program=program), encoding="utf-8")
        testbed.run(TESTBED / "build-image", "--format", "docker", "-q", "-t", name, folder, seconds=300)
    return name


def main() -> None:
    """Copy to the node what is missing or different there."""
    with testbed.cluster():
        os.nice(19)  # the copying alone: others may use the cluster meanwhile
        loaded = testbed.load(all_images())
    sys.stdout.write(f"loaded: {', '.join(loaded) or 'none'}\n")


if __name__ == "__main__":
    main()
