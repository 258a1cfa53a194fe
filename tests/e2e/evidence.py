"""What is kept of a failure: logs and descriptions of everything in the namespaces that the tests made."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.support import testbed
from tests.support.requirements import ROOT
from tests.support.testbed import LOGS, TestbedError

FOLDER = ROOT / ".cache" / "e2e"
_SECONDS = 60
_KINDS = ("pods", "deployments", "replicasets", "jobs", "cronjobs", "services", "endpointslices", "networkpolicies",
          "persistentvolumeclaims", "horizontalpodautoscalers", "poddisruptionbudgets", "leases")  # fmt: skip


def keep(test: str, namespaces: list[str]) -> tuple[Path, str]:
    """Write it into a folder of this failure's own.

    Returns:
        The folder, and the part printed to the terminal: pods and the last events.
    """
    folder = FOLDER / f"{time.strftime('%H%M%S')}-{re.sub(r'[^a-z0-9]+', '-', test.lower())[:60].strip('-')}"
    folder.mkdir(parents=True, exist_ok=True)
    shown = ""
    for namespace in namespaces:
        shown += _namespace(folder, namespace)
    _say(folder / "node.txt", "describe", "nodes")
    _say(folder / "top.txt", "top", "pods", "--all-namespaces", "--containers")
    for log in LOGS.glob("*.log"):
        (folder / f"cluster-{log.name}").write_bytes(log.read_bytes()[-300_000:])
    return folder, shown


def _namespace(folder: Path, namespace: str) -> str:
    inside = f"--namespace={namespace}"
    pods = _say(folder / f"{namespace}-pods.txt", inside, "get", "pods", "-o=wide")
    events = _say(
        folder / f"{namespace}-events.txt", inside, "get", "events", "--sort-by=.metadata.creationTimestamp"
    )
    for kind in _KINDS:
        _say(folder / f"{namespace}-describe-{kind}.txt", inside, "describe", kind)
    for line in pods.splitlines()[1:]:
        pod = line.split()[0]
        said = _say(folder / f"{namespace}-log-{pod}.txt", inside, "logs", pod, "--all-containers", "--prefix",
                    "--timestamps", "--tail=3000")  # fmt: skip
        if said:
            _say(folder / f"{namespace}-log-{pod}-before.txt", inside, "logs", pod, "--all-containers", "--prefix",
                 "--previous", "--tail=3000")  # fmt: skip
    last = "\n".join(events.splitlines()[-12:])
    return f"-- {namespace}: pods\n{pods}-- {namespace}: last events\n{last}\n"


def _say(file: Path, *arguments: str) -> str:
    """Write kubectl's output to the file; continue if the cluster does not answer."""
    try:
        answer = testbed.kubectl(*arguments, check=False, seconds=_SECONDS)
        text = str(answer.stdout) + str(answer.stderr if answer.returncode else "")
    except (TestbedError, OSError, testbed.Timeout) as error:
        text = f"{error}\n"
    if text.strip():
        file.write_text(text, encoding="utf-8")
    return text
