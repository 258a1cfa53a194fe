"""The tests keep their conventions: each asserts something, none uses private names, folders mirror packages."""

from __future__ import annotations

import ast
import contextlib
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
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
    asserting_nothing, _ = _findings(file)
    assert asserting_nothing == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_no_test_reaches_into_private_names(file: Path) -> None:
    _, private = _findings(file)
    assert private == []


def test_folders_are_named_after_what_they_test() -> None:
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == PACKAGES | OTHERS
    assert all((ROOT / package).is_dir() for package in PACKAGES)


def test_no_pattern_repeats_a_group_possessively() -> None:
    """Python before 3.11.5 matches `(...)*+` wrongly if the group backtracks (gh-106052); `(?>(...)*)` is the same.

    Debian 12 has 3.11.2, where phone numbers were stored because of such a pattern.
    """
    product = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    rules = ROOT / "data" / "corpus" / "rules.yaml"
    group = re.compile(r"(?<!\\)\)(?:[*+?]|\{\{?\d*,?\d*\}?\})\+(?!\+)")
    assert group.search(r"\d++(?:,\d++)*+")
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in (*product, rules)
        for line in file.read_text(encoding="utf-8").splitlines()
        if group.search(line)
    ]
    assert found == []


@cache
def _findings(file: Path) -> tuple[list[str], list[str]]:
    """Return a file's tests that assert nothing, and the private names in it; it is parsed once for both."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return [test.name for test in _tests(nodes) if not _asserts(test)], list(_private_names(nodes))


def _tests(nodes: Iterable[ast.AST]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes:
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


def _private_names(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """`from module import _name` and `something._name`, but for an object's own."""
    for node in nodes:
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


def test_a_test_skips_only_what_this_machine_lacks_and_fails_for_it_under_strict() -> None:
    """`importorskip` and `skipif` would hide a broken environment from CI."""
    skips = re.compile(r"importorskip|skipif|mark\.skip|pytest\.skip\(|skipTest")
    found = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in (ROOT / "tests").rglob("*.py")
        if file not in (Path(requirements.__file__), Path(__file__))
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if skips.search(line)
    ]
    assert found == [], "ask tests.support.requirements instead"


def test_a_test_of_the_chart_is_skipped_where_helm_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find", lambda name: None)
    monkeypatch.setattr(requirements, "STRICT", False)
    with pytest.raises(pytest.skip.Exception, match="helm is missing: put"):
        chart.render()


@pytest.mark.parametrize(
    ("event", "arguments", "fails"),
    [
        ("subprocess.Popen", ("true",), True),
        ("os.posix_spawn", ("true",), True),
        ("socket.connect", (None, ("192.0.2.1", 80)), True),
        ("socket.connect", (None, ("2001:db8::1", 80, 0, 0)), True),
        ("socket.connect", (None, ("127.0.0.1", 80)), False),
        ("socket.connect", (None, "/run/socket"), False),
        ("open", ("/dev/null", "r", 0), False),
    ],
)
def test_a_test_without_the_mark_process_starts_nothing_and_stays_on_this_machine(
    event: str, arguments: tuple[object, ...], fails: bool
) -> None:
    with pytest.raises(pytest.fail.Exception, match="mark it") if fails else contextlib.nullcontext():
        sys.audit(event, *arguments)


def test_what_dvc_stages_depend_on_exists() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    made = {
        out if isinstance(out, str) else next(iter(out)) for one in stages.values() for out in one["outs"]
    }
    wanted = [path for one in stages.values() for path in one["deps"] if path not in made]
    assert [path for path in wanted if not (ROOT / path).exists()] == []


# What a stage imports without its output depending on it: settings, errors, files, records of runs.
WITHOUT_EFFECT = (
    *("chatbot.deadline", "chatbot.documents", "chatbot.errors", "chatbot.files", "chatbot.ids"),
    *("chatbot.interrupt", "chatbot.loop", "chatbot.records", "chatbot.runtime", "chatbot.settings"),
    *("data.commands", "data.digest", "data.errors", "monitoring"),
    *("training.progress", "training.provenance", "training.tracking"),
)


@pytest.mark.parametrize(
    ("stage", "command", "leaves"),
    # What a module of `data` imports is a dependency of `process`; `train` needs what it calls itself.
    [("process", "data/process.py", ()), ("train", "training/train.py", ("data",))],
)
def test_a_dvc_stage_depends_on_every_module_that_makes_its_output(
    stage: str, command: str, leaves: tuple[str, ...]
) -> None:
    named = {Path(path) for path in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]["deps"]}
    imported, waiting = set(), [Path(command)]
    while waiting:
        module = waiting.pop()
        if module in imported or _is_in(module, WITHOUT_EFFECT):
            continue
        imported.add(module)
        if not _is_in(module, leaves):
            waiting += _imported(module)
    missing = {module for module in imported if not named & {module, *module.parents} and _has_code(module)}
    assert sorted(map(str, missing)) == []
    unused = {path for path in named if path.suffix == ".py"} - imported
    assert sorted(map(str, unused)) == []


def _is_in(module: Path, packages: tuple[str, ...]) -> bool:
    name = ".".join(module.with_suffix("").parts)
    return any(name == one or name.startswith(f"{one}.") for one in packages)


def _imported(module: Path) -> Iterator[Path]:
    """The project's modules that a module imports, also within a function."""
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            path = Path(*name.split("."))
            yield from (
                one for one in (path.with_suffix(".py"), path / "__init__.py") if (ROOT / one).exists()
            )


def _has_code(module: Path) -> bool:
    """Whether a module has more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse((ROOT / module).read_text()).body)
