"""Code and docs/architecture.md agree: every path in it exists, a class name has one meaning, terms lead to modules.

A private name of a library is used in one module, and the installed version has it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
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
"""Class names that two modules may define, with the reason."""
ASGI_TERMS = frozenset(("Message", "Scope"))
"""Type aliases that have the name of a class elsewhere, because the ASGI specification has it."""

IMPLEMENTED_IN = {
    "active learning": "training/review/queue.py",
    "at-least-once": "monitoring/handoffs/delivery.py",
    "backpressure": "bento/http/limits.py",
    "batching": "bento/chat/batcher.py",
    "calibrate": "training/model/fit.py",
    "canary": "k8s/rollout/analysis.py",
    "circuit breaker": "monitoring/handoffs/delivery.py",
    "conformal": "training/model/thresholds.py",
    "compare-and-swap": "chatbot/store/lease.py",
    "confident learning": "training/labels/confident.py",
    "content security policy": "ui/shared/server.py",
    "CSRF": "ui/staff_pages/web.py",
    "drain": "bento/http/draining.py",
    "exponential backoff": "chatbot/runtime.py",
    "graceful shutdown": "bento/http/draining.py",
    "idempotent": "monitoring/inference_log/upload.py",
    "jitter": "chatbot/runtime.py",
    "lease": "chatbot/store/lease.py",
    "load shedding": "bento/http/limits.py",
    "near-duplicate": "data/similarity.py",
    "optimistic concurrency": "chatbot/store/interface.py",
    "out-of-distribution": "chatbot/model/classifier.py",
    "PII": "chatbot/privacy/redaction.py",
    "quantize": "training/model/encoder/quantize.py",
    "rate limit": "bento/http/rate_limit.py",
    "risk-coverage": "training/model/thresholds.py",
    "rollback": "chatbot/loop/rollout/machine.py",
    "SSRF": "monitoring/handoffs/webhook.py",
    "write-ahead": "monitoring/inference_log/spool.py",
}
"""Terms of the field that a newcomer greps for, and the module that implements each."""
CHANGED_IN = {
    "a redaction rule": "credentials.py",
    "a drift check": "checks.py",
    "the retry of an upload": "uploader.py",
    "the colour of a chat bubble": "style.css",
    "the RBAC of the drift Job": "templates/loop/drift.yaml",
    "the learned threshold": "thresholds.py",
    "concurrency limit and timeout of a request": "limits.py",
    "deadline of a request's head, number of connections": "protocol.py",
    "the retry of a delivery, such as to a webhook that is down": "delivery.py",
    "what the bot says in another language": "language_texts.yaml",
    "the reply to an intent": "data/corpus/intents/*.yaml",
    "a panel of a dashboard": "tools/dashboards/*.yaml",
    "an alert": "files/alerts/*.yaml",
    "where a bundle is verified": "bundle.py",
    "the lease of a promotion": "k8s/promote.py",
    "a text, such as the one shown while the API is down": "ui/texts/en.yaml",
    "the periods, also that of contact data": "chatbot/settings/storage.py",
    "a file format": "formats/rasa.py",
    "near-duplicates": "similarity.py",
    "how many chat sessions are kept, and how long": "conversations.py",
    "the limit of open browser sessions": "server.py",
    "when a version is rolled back, conflicts and resumption": "machine.py",
    "a metric of the API": "metrics.py",
}
"""Changes that a newcomer looks up in docs/architecture.md, and the file that its layout table names."""
Nodes = dict[Path, list[ast.AST]]
"""All nodes of the syntax tree of each file, the module first."""
DOCUMENTED = {"_asdict", "_create_unverified_context", "_exit"}
"""Names with an underscore that Python documents."""
PRIVATE_APIS = {
    "_constants": ("chatbot/prefilter.py", "re"),
    "_exclusive_running_command": ("bento/lifecycle/workers.py", "circus.arbiter"),
    "_add_sheet": ("data/formats/xlsx.py", "openpyxl.workbook.workbook"),
    "_get_source": ("data/formats/xlsx.py", "openpyxl.worksheet._read_only"),
    "_initialize_tables": ("training/tracking/mlflow_schema.py", "mlflow.store.db.utils"),
    "_parser": ("chatbot/prefilter.py", "re"),
    "_TrustedHosts": ("bento/library_internals.py", "uvicorn.middleware.proxy_headers"),
    "_unset_keepalive_if_required": ("bento/http/protocol.py", "uvicorn.protocols.http.httptools_impl"),
    "_upgrade_db": ("training/tracking/mlflow_schema.py", "mlflow.store.db.utils"),
}
"""Private names of libraries: the module that uses each, and the library's module that has it.

Private modules of BentoML and uvicorn are in tests/bento/test_library_internals.py.
"""


@pytest.fixture(scope="module")
def nodes() -> Nodes:
    """Parse the code of the product and of its tools once for all tests."""
    return {
        file: list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
        for package in (*PRODUCT, "tools")
        for file in (ROOT / package).rglob("*.py")
    }


def test_a_class_name_is_defined_once(nodes: Nodes) -> None:
    modules: dict[str, set[str]] = {}
    for file, node in _statements(nodes):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            modules.setdefault(node.name, set()).add(str(file.relative_to(ROOT)))
    shared = {name: sorted(found) for name, found in modules.items() if len(found) > 1}
    assert {name: found for name, found in shared.items() if name not in SHARED_NAMES} == {}
    assert set(SHARED_NAMES) <= set(shared), "an exception that is no longer needed"


def test_a_type_alias_does_not_have_the_name_of_a_class_of_another_module(nodes: Nodes) -> None:
    classes, aliases = set(), set()
    for _, node in _statements(nodes):
        if isinstance(node, ast.ClassDef):
            classes.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(
            node.value, ast.Subscript | ast.Name | ast.Attribute
        ):
            aliases |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    assert len(aliases) > 50
    assert classes & aliases == ASGI_TERMS


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


def test_a_private_name_of_a_library_is_used_in_one_module(nodes: Nodes) -> None:
    own = {name for found in nodes.values() for name in _defined(found)}
    used = {
        (name, str(file.relative_to(ROOT)))
        for file, found in nodes.items()
        for name in _used(found, own)
        if re.match(r"_[^_]", name) and name not in DOCUMENTED
    }
    expected = {(name, module) for name, (module, _) in PRIVATE_APIS.items()}
    assert used == expected


@pytest.mark.parametrize("name", PRIVATE_APIS)
def test_the_installed_libraries_have_the_private_names(name: str) -> None:
    module, library = PRIVATE_APIS[name]
    source = inspect.getsource(importlib.import_module(library))
    assert re.search(rf"\b{name}\b", source), f"{library} changed in the installed version: adapt {module}"


def _statements(nodes: Nodes) -> Iterator[tuple[Path, ast.stmt]]:
    """Yield the statements of each module itself, with its file."""
    for file, [module, *_] in nodes.items():
        if isinstance(module, ast.Module):
            yield from ((file, statement) for statement in module.body)


def _defined(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def _used(nodes: list[ast.AST], own: set[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr not in own:
            yield node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)


def _paths(page: str) -> Iterator[tuple[str, list[Path]]]:
    """Yield each path in backticks, and the folders that it may be relative to: the root, or its table row's own."""
    for line in page.splitlines():
        row = re.match(r"\| ([^|]*) \|", line)
        own = re.findall(r"`([^`]+)`|\*\*([^*]+)\*\*", row[1]) if row else []
        folders = [ROOT, *(ROOT / (quoted or bold) for quoted, bold in own)]
        for text in re.findall(r"`([^`]+)`", line):
            if re.fullmatch(r"[\w.-]+(/[\w.-]*)+|[\w-]+\.(py|md|ya?ml|json|css|toml|lua|j2|txt|html)", text):
                yield text, folders
