"""The tests keep their conventions: each asserts something, none uses private names, folders mirror packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import requirements
from tools.generate import chart

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
FILES = sorted(TESTS.rglob("*.py"))
PACKAGES = {"bento", "chatbot", "data", "k8s", "monitoring", "tools", "training", "ui"}
OTHERS = {"attack", "chart", "images", "loop", "e2e", "support"}
_ASSERTING = {"raises", "fail", "warns", "expect"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_each_test_asserts_something(file: Path) -> None:
    assert [test.name for test in _tests(file) if not _asserts(test)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_no_test_reaches_into_private_names(file: Path) -> None:
    assert list(_private_names(file)) == []


def test_folders_are_named_after_what_they_test() -> None:
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == PACKAGES | OTHERS
    assert all((ROOT / package).is_dir() for package in PACKAGES)


def _tests(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def _asserts(test: ast.AST) -> bool:
    """Whether a test asserts; what a function inside it asserts counts where something uses that function."""
    used = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    waiting = [*ast.iter_child_nodes(test)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in used:
            continue
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant | ast.Tuple):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1]
            if name in _ASSERTING or name.startswith("assert_"):
                return True
        waiting.extend(ast.iter_child_nodes(node))
    return False


@pytest.mark.parametrize(
    ("body", "asserts"),
    [
        ("assert answer() == 1", True),
        ("assert_answer(1)", True),
        ("with pytest.raises(ValueError):\n        answer()", True),
        ("def check():\n        assert answer()\n    run(check)", True),
        ("def check():\n        assert answer()", False),
        ("assert True", False),
        ("failing_store().put()", False),
    ],
)
def test_what_counts_as_an_assertion(body: str, asserts: bool) -> None:
    assert _asserts(ast.parse(f"def test_it():\n    {body}").body[0]) is asserts


def _private_names(file: Path) -> Iterator[str]:
    """`from module import _name` and `something._name`, but for an object's own."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (
                f"line {node.lineno}: {alias.name}" for alias in node.names if _is_private(alias.name)
            )
        elif isinstance(node, ast.Attribute) and _is_private(node.attr) and not _is_own(node.value):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_exit"  # os._exit is public


def _is_own(value: ast.expr) -> bool:
    return ast.unparse(value) in ("self", "cls", "super()")


def test_a_test_of_the_chart_is_skipped_where_helm_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find", lambda name: None)
    monkeypatch.setattr(requirements, "STRICT", False)
    with pytest.raises(pytest.skip.Exception, match="helm is missing: put"):
        chart.render()


def test_what_dvc_stages_depend_on_exists() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    made = {
        out if isinstance(out, str) else next(iter(out)) for one in stages.values() for out in one["outs"]
    }
    wanted = [path for one in stages.values() for path in one["deps"] if path not in made]
    assert [path for path in wanted if not (ROOT / path).exists()] == []
