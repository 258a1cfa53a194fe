"""Generate the chart's schema and reference from values.yaml, and k8s/manifests from the chart.

    python -m tools.generate.chart       k8s/manifests; needs helm

values.yaml is the single source: each value is preceded by `# -- description`, and by `# @schema {...}` where the
default does not determine the type. `make docs` generates values.schema.json and the chart's README.md from it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from chatbot.documents import parse_fast
from chatbot.errors import ChatbotError
from chatbot.settings import COMPONENTS, Settings
from chatbot.settings.base import MAX_NUMBER
from tools import compact_json
from tools.generate import chart_forms

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "support-chatbot"
MANIFESTS = ROOT / "k8s" / "manifests"
NAMESPACE = RELEASE = "support-chatbot"
KUBERNETES = "1.34.0"
"""The Kubernetes version that the manifests are rendered for."""

_ANY: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_HOW = {
    "helm": "https://helm.sh/docs/intro/install (version 3.14 or later, or 4)",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
}
_TRUTH = "^(?i:true|false|yes|no|on|off|t|f|y|n|1|0|)$"
_LABEL = r"(?:helm\.sh/chart|app\.kubernetes\.io/(?:version|managed-by|part-of%s)): .*\n"
_OWN_LABELS = re.compile(rf"(?<=^  labels:\n)(?: +{_LABEL % '|name|instance'})+", re.MULTILINE)
_POD_LABELS = re.compile(rf"^(?: +{_LABEL % ''})+", re.MULTILINE)
"""Labels that all objects have, and pods beside those they are selected by: kustomization.yaml sets them, once."""
_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z][\w]*):(?P<rest>.*)$")


class ChartError(ChatbotError):
    """values.yaml is invalid, or helm rejects the chart."""


@dataclass
class Value:
    """One value: its documentation in values.yaml, and its children if it is a group."""

    path: tuple[str, ...]
    default: Any
    meaning: str = ""
    schema: dict[str, Any] = field(default_factory=dict)
    children: list[Value] = field(default_factory=list)


def read(text: str) -> list[Value]:
    """Parse a values.yaml; returns its values in file order.

    Raises:
        ChartError: a `# @schema` comment is not valid JSON.
    """
    defaults = parse_fast(yaml.load, text, yaml.SafeLoader)
    top: list[Value] = []
    open_groups: list[Value] = []
    meaning, schema, documented = [], {}, False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("# -- "):
            meaning, documented = [bare[5:]], True
        elif bare.startswith("# @schema "):
            try:
                schema = json.loads(bare[10:])
            except ValueError as error:
                raise ChartError(f"values.yaml, line {number}: {bare}: {error}") from None
        elif bare.startswith("#") and documented:
            meaning.append(bare.lstrip("# "))
        elif match := _KEY.match(line):
            depth = len(match["indent"]) // 2
            del open_groups[depth:]
            path = (*(open_groups[-1].path if open_groups else ()), match["key"])
            value = Value(path, _at(defaults, path), " ".join(meaning), schema)
            (open_groups[-1].children if open_groups else top).append(value)
            if not match["rest"].strip():
                open_groups.append(value)
            meaning, schema, documented = [], {}, False
        else:
            meaning, schema, documented = [], {}, False
    return [_folded(value) for value in top]


def _folded(value: Value) -> Value:
    """Treat a documented group as one value: its content is its default."""
    value.children = [] if value.meaning else [_folded(child) for child in value.children]
    return value


def schema() -> str:
    """Return the content of values.schema.json."""
    values = read(_text())
    content = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart support-chatbot, made by `make docs` from values.yaml",
        "definitions": {"settings": _settings(), "variable": _variable(), **chart_forms.DEFINITIONS},
        **_group(values),
    }
    # A component's own `pod` has some of the keys of the global one.
    pod = content["properties"]["pod"]
    content["definitions"]["pod"] = {key: value for key, value in pod.items() if key != "required"}
    content["properties"]["pod"] = {"$ref": "#/definitions/pod"}
    content["allOf"] = [{"properties": {"pod": {"required": pod["required"]}}}]
    return compact_json.dumps(content) + "\n"


def readme() -> str:
    """Return the content of the chart's README.md, which is packaged with it: how to install, and every value."""
    text = Path(__file__).with_name("chart_readme.md").read_text(encoding="utf-8")
    return text + "\n".join(_tables()) + "\n"


def _tables() -> Iterator[str]:
    """Yield the lines of a table of values for each top-level value."""
    for value in read(_text()):
        yield from ("", f"### {value.path[0]}", "", "| Value | Default | What it is |", "|---|---|---|")
        for leaf in leaves([value]):
            default = json.dumps(leaf.default, ensure_ascii=False).replace("|", "\\|")
            yield f"| `{'.'.join(leaf.path)}` | `{default}` | {leaf.meaning} |"


def find_program(name: str) -> str | None:
    """Return the path of a program: from the PATH, else the testbed's copy; None: it is not installed."""
    testbed = Path(os.environ.get("TESTBED_HOME", Path.home() / ".cache" / "testbed"))
    return shutil.which(name) or shutil.which(name, path=testbed / "bin")


def program(name: str) -> str:
    """Return the path of `helm` or `kubectl`.

    Raises:
        ChartError: the program is not installed.
    """
    if found := find_program(name):
        return found
    raise ChartError(f"{name} is missing: {_HOW[name]}")


def render(*arguments: str, release: str = RELEASE, namespace: str = NAMESPACE) -> str:
    """Render the chart with `helm template`.

    Raises:
        ChartError: helm rejects the chart; contains helm's message.
    """
    command = [program("helm"), "template", release, str(CHART), "--namespace", namespace, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ChartError(answer.stderr.strip())
    return answer.stdout


def manifests(*arguments: str) -> dict[str, str]:
    """Render k8s/manifests, optionally with more helm arguments. Returns: content by file name.

    Without the dashboards: `helm/support-chatbot/files/dashboards` has them, for Grafana to import.
    """
    files: dict[str, str] = {}
    flags = ("--kube-version", KUBERNETES, "--no-hooks", "--set", "monitoring.dashboards.enabled=false")
    labels: dict[str, str] = {}
    for part in render(*flags, *arguments).split("\n---\n"):
        source = re.search(r"^# Source: support-chatbot/templates/(.+)\.yaml$", part, re.MULTILINE)
        body = re.sub(r"^(# Source: .*|---| {6,})\n", "", part, flags=re.MULTILINE).strip()
        for block in (_OWN_LABELS, _POD_LABELS):
            for found in block.findall(body):
                labels |= parse_fast(yaml.load, textwrap.dedent(found), yaml.SafeLoader)
            body = block.sub("", body)
        if source and parse_fast(yaml.load, body, yaml.SafeLoader):
            name = source[1].replace("/", "-") + ".yaml"
            files[name] = (files[name] + "---\n" if name in files else "") + body + "\n"
    head = "# Made by `make manifests` from the chart: kubectl create namespace {0}; kubectl apply -k k8s/manifests\n"
    resources = "".join(f"  - {name}\n" for name in sorted(files))
    files["kustomization.yaml"] = (
        head.format(NAMESPACE) + "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
        f"namespace: {NAMESPACE}\nresources:\n{resources}"
        "labels:\n  - includeTemplates: true\n    pairs:\n"
        + "".join(f"      {name}: {json.dumps(value)}\n" for name, value in sorted(labels.items()))
    )
    return files


def stale() -> list[str]:
    """Return the generated files that are out of date, missing or superfluous."""
    made = {MANIFESTS / name: content for name, content in manifests().items()}
    return differing(made, MANIFESTS.glob("*.yaml"))


def differing(made: Mapping[Path, str], there: Iterable[Path]) -> list[str]:
    """Return the files that are missing or differ from the generated content, and those of `there` not among them."""
    wrong = {
        file
        for file, content in made.items()
        if not file.is_file() or file.read_text(encoding="utf-8") != content
    }
    return sorted(str(file.relative_to(ROOT)) for file in wrong | (set(there) - made.keys()))


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write rendered manifests to a new folder, in place of the one that is there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")


def _settings() -> dict[str, Any]:
    """Return the schema of a component's `settings`: variables with their types and bounds.

    A variable with this project's prefix that is not known is refused by the templates, with the closest name.
    """
    return {
        "type": "object",
        "properties": {
            name: _setting_schema(*declared) for name, declared in sorted(_chatbot_settings().items())
        },
        "patternProperties": {"^(MLFLOW_|CHATBOT_)": _ANY},
        "additionalProperties": False,
    }


def _variable() -> dict[str, Any]:
    """Return the schema of an entry of `extraEnv`, with type and bounds of the settings."""
    declared = sorted(_chatbot_settings().items())
    schemas = {name: _setting_schema(*setting) for name, setting in declared}
    return chart_forms.variable({name: schema for name, schema in schemas.items() if schema != _ANY})


def settings_list() -> str:
    """Return the content of files/settings.txt: the known variables, for the templates."""
    return "\n".join(sorted(_chatbot_settings())) + "\n"


def _chatbot_settings() -> dict[str, tuple[type[Settings], str]]:
    """Return the settings class and the field of every variable with this project's prefix."""
    found = ((variable, kind, name) for kind in COMPONENTS for variable, name in kind.variables().items())
    return {variable: (kind, name) for variable, kind, name in found if variable.startswith("CHATBOT_")}


def _setting_schema(kind: type[Settings], field_name: str) -> dict[str, Any]:
    """Return the schema of one setting: a number or boolean, also as text; text only by its type."""
    own = dict(kind.model_json_schema()["properties"][field_name])
    choices = [own, *own.get("anyOf", [])]
    types = {choice.get("type") for choice in choices}
    if types & {"integer", "number"}:
        bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        limits = {key: choice[key] for choice in choices for key in bounds if key in choice}
        is_open = [key in limits for key in ("exclusiveMinimum", "exclusiveMaximum")]
        low = limits["exclusiveMinimum"] if is_open[0] else limits.setdefault("minimum", -MAX_NUMBER)
        high = limits["exclusiveMaximum"] if is_open[1] else limits.setdefault("maximum", MAX_NUMBER)
        is_whole = "number" not in types
        pattern = chart_forms.whole(low, high) if is_whole else chart_forms.decimal(low, high, *is_open)
        number = {"type": "integer" if is_whole else "number", **limits}
        return {"anyOf": [number, {"type": "string", "pattern": rf"^\s*{pattern}\s*$|^$"}]}
    if "boolean" in types:
        return {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}, {"type": "string", "pattern": _TRUTH}]}
    if "enum" in own:
        return {"enum": [*own["enum"], ""]}
    if "pattern" in own:
        return {"type": "string", "pattern": own["pattern"]}
    return _ANY


def _text() -> str:
    return (CHART / "values.yaml").read_text(encoding="utf-8")


def _at(defaults: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        defaults = defaults[key]
    return defaults


def leaves(values: list[Value]) -> Iterator[Value]:
    """Yield the values that are set as a whole, in file order."""
    for value in values:
        if value.children:
            yield from leaves(value.children)
        else:
            yield value


def _group(values: list[Value]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {value.path[-1]: _schema(value) for value in values},
        # `null` takes a value away, and templates rely on all.
        "required": [value.path[-1] for value in values],
        "additionalProperties": False,
    }


def _schema(value: Value) -> dict[str, Any]:
    if value.children:
        return _group(value.children)
    if "$ref" in value.schema:
        return value.schema
    if value.path[-1].lower().endswith("resources"):
        return {"description": value.meaning, **chart_forms.RESOURCES}
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}
    form = chart_forms.form_of(value.path[-1])
    return {"description": value.meaning, "type": kinds[type(value.default)], **form, **value.schema}


if __name__ == "__main__":
    try:
        write(MANIFESTS, manifests())
    except ChartError as error:
        sys.exit(str(error))
