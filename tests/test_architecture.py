"""Code and docs/architecture.md agree: every path in it exists, a class name has one meaning, terms lead to modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("bento", "chatbot", "data", "k8s", "monitoring", "training", "ui")
_OWN_MODEL = (
    "the chat page reads the API's JSON with tolerant models of its own, because it imports no server code"
)
SHARED_NAMES = {"Alternative": _OWN_MODEL, "Intent": _OWN_MODEL}
"""Class names that two packages may define, with the reason."""

IMPLEMENTED_IN = {
    "active learning": "training/review/queue.py",
    "at-least-once": "monitoring/handoffs/delivery.py",
    "batching": "bento/chat/batcher.py",
    "graceful shutdown": "bento/http/draining.py",
    "idempotent": "monitoring/inference_log/upload.py",
    "optimistic concurrency": "chatbot/store/interface.py",
    "PII": "chatbot/privacy/redaction.py",
    "rollback": "chatbot/loop/rollout/machine.py",
}
"""Terms of the field that a newcomer greps for, and the module that implements each."""
CHANGED_IN = {
    "a redaction rule": "credentials.py",
    "a drift check": "checks.py",
    "the retry of an upload": "uploader.py",
    "the colour of a chat bubble": "style.css",
    "the RBAC of the drift Job": "templates/loop/drift.yaml",
    "the learned threshold": "thresholds.py",
}
"""Changes that a newcomer looks up in docs/architecture.md, and the file that its layout table names."""


def test_a_class_name_is_defined_in_one_package_only() -> None:
    packages: dict[str, set[str]] = {}
    for package in PRODUCT:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    packages.setdefault(node.name, set()).add(package)
    shared = {name: sorted(found) for name, found in packages.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if name not in SHARED_NAMES} == {}
    assert set(SHARED_NAMES) <= set(shared), "an exception that is no longer needed"


def test_every_path_in_the_architecture_page_exists() -> None:
    paths = list(_paths((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")))
    assert len(paths) > 80
    assert [path for path, folders in paths if not any((folder / path).exists() for folder in folders)] == []


@pytest.mark.parametrize(("term", "module"), IMPLEMENTED_IN.items())
def test_the_docstring_of_the_implementing_module_has_the_term(term: str, module: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / module).read_text(encoding="utf-8"))) or ""
    assert term.casefold() in docstring.casefold()


@pytest.mark.parametrize(("change", "file"), CHANGED_IN.items())
def test_the_layout_table_names_the_file_of_a_change(change: str, file: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    [cell] = re.findall(rf"{change}: ([^|;]*)", page)
    assert f"`{file}`" in cell


def _paths(page: str) -> Iterator[tuple[str, list[Path]]]:
    """Yield each path in backticks, and the folders that it may be relative to: the root, or its table row's own."""
    for line in page.splitlines():
        row = re.match(r"\| ([^|]*) \|", line)
        own = re.findall(r"`([^`]+)`|\*\*([^*]+)\*\*", row[1]) if row else []
        folders = [ROOT, *(ROOT / (quoted or bold) for quoted, bold in own)]
        for text in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|[\w-]+\.(py|md|ya?ml|json|css|toml|lua|j2|txt|html)", text):
                yield text, folders
