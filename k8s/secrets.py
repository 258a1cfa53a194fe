"""Make the secrets that are missing, once: the chart's bootstrap Job runs this, and nothing renders a secret anywhere.

    python -m k8s.secrets [--label KEY=VALUE ...] NAME/KEY=random NAME/KEY=text:VALUE ...

A Secret that is there stays as it is; a key that it lacks is added. What is made belongs to no release: it outlives
`helm uninstall`, for the volumes that it opens do too.
"""

from __future__ import annotations

import base64
import secrets
import sys
from collections.abc import Sequence

from chatbot.errors import SettingError
from chatbot.settings import KubernetesSettings
from k8s.api.client import Absent, Changed, Cluster, Json
from k8s.api.outside import REAL, Outside
from k8s.cli import read, run

Wanted = dict[str, dict[str, str]]
"""Of each Secret the keys, each with its value's rule: `random`, or `text:` and the value."""


def wanted(arguments: Sequence[str]) -> Wanted:
    """What the command line asks for.

    Raises:
        SettingError: an argument is not of the form above.
    """
    found: Wanted = {}
    for argument in arguments:
        place, _, rule = argument.partition("=")
        name, _, key = place.partition("/")
        if not (name and key and (rule == "random" or rule.startswith("text:"))):
            raise SettingError(f"{argument!r}: say NAME/KEY=random or NAME/KEY=text:VALUE")
        found.setdefault(name, {})[key] = rule
    return found


def make(cluster: Cluster, asked: Wanted, labels: dict[str, str]) -> list[str]:
    """Make what is missing. Two of these at once make each key once.

    Returns: what was made, as `NAME/KEY`.

    Raises:
        ClusterError: the API server refuses, or does not answer.
    """
    made = []
    for name, rules in asked.items():
        try:
            there = set(cluster.secret(name).get("data") or {})
        except Absent:
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "labels": labels},
                "type": "Opaque",
                "data": {key: _value(rule) for key, rule in rules.items()},
            }
            try:
                cluster.create_secret(body)
                made += [f"{name}/{key}" for key in rules]
                continue
            except Changed:  # another run was quicker
                there = set(cluster.secret(name).get("data") or {})
        if missing := {key: _value(rule) for key, rule in rules.items() if key not in there}:
            cluster.patch_secret(name, {"data": missing})
            made += [f"{name}/{key}" for key in missing]
    return made


def _value(rule: str) -> str:
    text = secrets.token_hex(24) if rule == "random" else rule.removeprefix("text:")
    return base64.b64encode(text.encode()).decode()


def labels_of(arguments: list[str]) -> dict[str, str]:
    """Take `--label KEY=VALUE` out of the arguments, as often as it stands there."""
    labels: Json = {}
    while "--label" in arguments:
        place = arguments.index("--label")
        key, _, value = "".join(arguments[place + 1 : place + 2]).partition("=")
        labels[key] = value
        del arguments[place : place + 2]
    return labels


def main(arguments: list[str], outside: Outside = REAL) -> int:
    """Returns: the exit code."""
    labels = labels_of(arguments)
    asked = wanted(arguments)
    made = make(Cluster(read(KubernetesSettings), outside), asked, labels)
    sys.stdout.write(f"made: {', '.join(made) or 'nothing, all were there'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(lambda: main(sys.argv[1:])))
