"""The commands that NOTES and the pages print: each names what is there, in a form that the program takes."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.chart.conftest import Render, notes
from tests.support.requirements import ROOT
from tools.generate import chart

PAGES = [
    ROOT / "README.md", ROOT / "docs" / "kubernetes.md", *sorted((ROOT / "docs" / "operations").glob("*.md")),
    *sorted((ROOT / "docs" / "runbooks").glob("*.md")),
]  # fmt: skip
KINDS = {
    "svc": "service", "service": "service", "deploy": "deployment", "deployment": "deployment", "cronjob": "cronjob",
    "pvc": "persistentvolumeclaim",
}  # fmt: skip
VERBS = {
    "annotate", "apply", "config", "create", "delete", "describe", "exec", "get", "logs", "patch", "port-forward",
    "replace", "rollout", "scale", "set", "top", "wait",
}  # fmt: skip
SECRETS = {"api", "staff", "minio-root"} | {
    f"store-{c}" for c in ("api", "drift", "upkeep", "retrain", "staff", "mlflow")
}
MADE_BY_A_COMMAND = re.compile(r"(drift|retrain|rollback|forget|review|upkeep)-now$")
RELEASE = r"(?:support-bot|support-chatbot|<release>)"


def commands(text: str) -> Iterator[str]:
    """Every command in a page's shell blocks and code spans."""
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield from re.split(r"\s\|\s|;\s|\$\(|&&", line.partition("  #")[0])
    for span in re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        yield from re.split(r"\s\|\s", span)


def programs(text: str, program: str) -> list[str]:
    """The commands of one program; `$n` is kubectl, where a page says so."""
    found = (command.strip().replace("$n ", "kubectl ") for command in commands(text))
    return [command for command in found if command.startswith(f"{program} ")]


@pytest.fixture(scope="module")
def there(render: Render) -> set[tuple[str, str]]:
    """Kind and name, without the release's, of all that the chart renders and the bootstrap makes."""
    rendered = {
        (o["kind"].lower(), o["metadata"]["name"].removeprefix(f"{chart.RELEASE}-"))
        for o in render("--set=api.spool.persistent=true")
    }
    return rendered | {("secret", name) for name in SECRETS}


def wrong(command: str, there: set[tuple[str, str]]) -> list[str]:
    """What a kubectl command names that is not there."""
    problems = []
    words = [word for word in command.split()[1:] if not word.startswith("-")]
    words = words[1:] if re.search(r"kubectl (-n|--namespace) ", command) else words
    if words and not words[0].startswith("...") and words[0] not in VERBS:
        problems.append(f"kubectl {words[0]}")
    for kind, name in re.findall(rf"\b({'|'.join(KINDS)})[/ ]{RELEASE}-([a-z-]+)", command):
        if (KINDS[kind], name) not in there:
            problems.append(f"{kind}/{name}")
    for name in re.findall(rf"\bsecret {RELEASE}-([a-z-]+)", command):
        if ("secret", name) not in there:
            problems.append(f"secret/{name}")
    for name in re.findall(r"\bjob/([a-z-]+)", command):
        if not MADE_BY_A_COMMAND.search(name):
            problems.append(f"job/{name}")
    component = re.search(r"app.kubernetes.io/component=([a-z-]+)", command)
    if component and component[1] != "bootstrap" and ("deployment", component[1]) not in there:
        problems.append(f"component {component[1]}")
    return problems


@pytest.mark.process
@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_kubectl_commands_of_a_page_name_what_the_chart_makes(
    page: Path, there: set[tuple[str, str]]
) -> None:
    problems = {
        command: found
        for command in programs(page.read_text(encoding="utf-8"), "kubectl")
        if (found := wrong(command, there))
    }
    assert problems == {}


@pytest.mark.process
@pytest.mark.parametrize("more", [[], ["--set=api.spool.persistent=true"]])
def test_each_command_of_the_notes_names_what_the_chart_makes(
    more: list[str], there: set[tuple[str, str]]
) -> None:
    said = re.findall(r"(?:kubectl|helm|curl) [^\n]+", notes(*more))
    assert len(said) > 15
    for line in said:
        line = line.partition("  # ")[0].partition(": ")[0] if "curl" not in line else line
        for part in line.split(" | "):
            if part.startswith("kubectl "):
                assert wrong(part, there) == [], part
            shlex.split(part)  # a quote that is not closed


def test_logs_of_a_job_with_shards_are_those_of_all_its_pods() -> None:
    """`kubectl logs job/NAME` reads one pod of several, and the verdict is in the last one's."""
    sharded = re.compile(r"logs job/\S*(drift|upkeep|forget)|logs job/<name>(?! -c retrain)")
    pages = {
        p.name: sharded.findall(p.read_text(encoding="utf-8"))
        for p in [*PAGES, chart.CHART / "templates" / "NOTES.txt"]
    }
    assert {name: found for name, found in pages.items() if found} == {}


@pytest.mark.process
def test_the_notes_of_an_install_that_waited_do_not_say_that_it_has_yet_to_come() -> None:
    assert "is being installed" not in notes()
    assert "is installed in namespace" in notes()


@pytest.mark.process
@pytest.mark.parametrize("more", [[], ["-f", str(chart.CHART / "ci" / "07-corpus-values.yaml")]])
def test_every_job_ends(more: list[str], render: Render) -> None:
    objects = render(*more)
    jobs = [o["spec"]["jobTemplate"]["spec"] for o in objects if o["kind"] == "CronJob"]
    jobs += [o["spec"] for o in objects if o["kind"] == "Job"]
    assert len(jobs) > 5
    assert all(job["activeDeadlineSeconds"] for job in jobs)
    # The Job of an installation stays (tests/chart/test_templates.py).
    for o in objects:
        job = o["spec"]["jobTemplate"]["spec"] if o["kind"] == "CronJob" else o.get("spec", {})
        if o["kind"] in ("CronJob", "Job") and "-bootstrap-" not in o["metadata"]["name"]:
            assert 3600 <= job["ttlSecondsAfterFinished"] <= 7 * 86_400, o["metadata"]["name"]


@pytest.mark.process
def test_what_a_person_runs_without_a_checkout_is_a_template_in_the_cluster(render: Render) -> None:
    objects = {o["metadata"]["name"]: o for o in render() if o["kind"] == "CronJob"}
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text(encoding="utf-8"))
    for name, module, variables, part in (
        ("rollback", "k8s.rollback", {"VERSION"}, "retrain"),
        ("forget", "monitoring.forget", {"ID", "CONVERSATION", "SESSION"}, "upkeep"),
        ("review", "training.review", {"ARGS"}, "retrain"),
    ):
        spec = objects[f"{chart.RELEASE}-{name}"]["spec"]
        assert spec["suspend"] is True
        job = spec["jobTemplate"]["spec"]
        assert job["ttlSecondsAfterFinished"]
        assert job["activeDeadlineSeconds"] == values[part]["deadlineSeconds"]
        (container,) = job["template"]["spec"]["containers"]
        assert module in " ".join(container["command"])
        # Empty: `kubectl set env` prints no object if it changes nothing, such as `list` where `list` is.
        assert [v["value"] for v in container["env"] if v["name"] in variables] == [""] * len(variables)
        assert f"cronjob/{chart.RELEASE}-{name}" in notes()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_and_make_targets_of_a_page_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in commands(text):
        for module in re.findall(r"python -m ([a-z0-9_.]+[a-z0-9_])", command):
            assert importlib.util.find_spec(module) is not None, command
        if match := re.match(r"make ([a-z0-9-]+)", command.strip()):
            assert match[1] in targets, command
