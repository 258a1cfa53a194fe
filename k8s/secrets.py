"""Create missing Secrets once; the chart's bootstrap Job runs it, and no template renders a Secret.

    python -m k8s.secrets [--label KEY=VALUE ...] NAME/KEY=random NAME/KEY=text:VALUE ...

Idempotent: an existing Secret is unchanged, and only missing keys are added. The Secrets do not belong to the Helm
release: they survive `helm uninstall`, as do the volumes whose data they give access to.
"""

from __future__ import annotations

import argparse
import base64
import secrets
import sys
from collections.abc import Sequence

from chatbot.errors import Conflict, Missing, SettingError
from chatbot.runtime import REAL, Runtime
from chatbot.settings import KubernetesSettings
from k8s.api.client import Cluster
from k8s.cli import reports_errors

RequestedSecrets = dict[str, dict[str, str]]
"""Keys of each Secret with the rule for the value: `random`, or `text:` followed by the value."""


def parse_requests(arguments: Sequence[str]) -> RequestedSecrets:
    """Parse the command line.

    Raises: SettingError: an argument does not have the form above.
    """
    found: RequestedSecrets = {}
    for argument in arguments:
        place, _, rule = argument.partition("=")
        name, _, key = place.partition("/")
        if not (name and key and (rule == "random" or rule.startswith("text:"))):
            raise SettingError(f"{argument!r}: expected NAME/KEY=random or NAME/KEY=text:VALUE")
        found.setdefault(name, {})[key] = rule
    return found


def create_missing(cluster: Cluster, requested: RequestedSecrets, labels: dict[str, str]) -> list[str]:
    """Create missing Secrets and keys. Concurrent runs create each key once.

    Returns: the created keys, as `NAME/KEY`.
    """
    created = []
    for name, rules in requested.items():
        try:
            existing = set(cluster.get("secrets", name).get("data") or {})
        except Missing:
            data = {key: _encoded_value(rule) for key, rule in rules.items()}
            metadata = {"name": name, "labels": labels}
            body = {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "Opaque",
                "metadata": metadata,
                "data": data,
            }
            try:
                cluster.create("secrets", body)
                created += [f"{name}/{key}" for key in rules]
                continue
            except Conflict:  # a concurrent run created it first
                existing = set(cluster.get("secrets", name).get("data") or {})
        if missing := {key: _encoded_value(rule) for key, rule in rules.items() if key not in existing}:
            cluster.patch("secrets", name, {"data": missing})
            created += [f"{name}/{key}" for key in missing]
    return created


def _encoded_value(rule: str) -> str:
    text = secrets.token_hex(24) if rule == "random" else rule.removeprefix("text:")
    return base64.b64encode(text.encode()).decode()


def parse_arguments(arguments: list[str] | None) -> tuple[RequestedSecrets, dict[str, str]]:
    """Return the requested Secrets and their labels; the process's own arguments if None."""
    parser = argparse.ArgumentParser(prog="python -m k8s.secrets", description=__doc__)
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("requests", nargs="*", metavar="NAME/KEY=RULE")
    options = parser.parse_intermixed_args(arguments)
    labels = {key: value for key, _, value in (label.partition("=") for label in options.label)}
    return parse_requests(options.requests), labels


@reports_errors
def main(arguments: list[str] | None = None, runtime: Runtime = REAL) -> int:
    """Create what is missing and print its names."""
    requested, labels = parse_arguments(arguments)
    created = create_missing(Cluster(KubernetesSettings(), runtime), requested, labels)
    sys.stdout.write(f"made: {', '.join(created) or 'nothing, all were there'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
