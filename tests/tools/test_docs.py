"""The pages made from the code say what the code says; those written by hand are whole, and link to what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import images
from tools.generate import chart
from tools.generate.docs import stale

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = sorted((ROOT / "docs" / "operations").glob("*.md"))
CHART = ROOT / "helm" / "support-chatbot"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    CHART / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_settings_metrics_values_and_dashboards_are_as_the_code_makes_them() -> None:
    assert stale() == []


def test_the_chart_says_how_to_install_upgrade_and_uninstall_it_and_has_every_value() -> None:
    text = (CHART / "README.md").read_text(encoding="utf-8")
    assert all(f"helm {verb} support-bot" in text for verb in ("install", "upgrade", "uninstall"))
    values = chart.leaves(chart.read((CHART / "values.yaml").read_text(encoding="utf-8")))
    assert [path for value in values if (path := ".".join(value.path)) and f"| `{path}` |" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", OPERATIONS, ids=lambda p: p.stem)
def test_every_component_documents_its_data_backup_and_response_to_alerts(
    page: Path,
) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.search(r"\b(data|lies)\b", text, re.IGNORECASE)
    assert re.search(r"back(ed)? ?up", text, re.IGNORECASE)
    assert re.search(r"Troubleshooting|When it refuses", text)
    assert f"(operations/{page.name})" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_make_target_that_a_page_names_exists() -> None:
    there = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= there, page.name


@pytest.mark.process
@pytest.mark.needs("helm")
def test_the_newcomers_page_names_objects_of_the_release_that_make_cluster_installs() -> None:
    from tools.cluster.stack import RELEASE
    from tools.generate import chart

    rendered = chart.render("--kube-version", chart.KUBERNETES, release=RELEASE, namespace=RELEASE)
    there = set(re.findall(r"^  name: (\S+)$", rendered, re.MULTILINE)) | {f"{RELEASE}-staff"}
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    named = set(re.findall(rf"(?:svc|cronjob|deployment|secret)[/ ]({RELEASE}-[\w-]+)", text))
    assert len(named) >= 5
    assert named <= there
    assert set(re.findall(r"`(ci/[\w-]+\.yaml)`", text)) <= {
        f"ci/{f.name}" for f in (chart.CHART / "ci").glob("*")
    }
    assert len(images.DOCKERFILES) == 6, "the page says six"


def test_each_figure_of_the_results_says_by_how_much_it_meets_its_target() -> None:
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    cell = r"([≤≥]) ([\d,.]+)[^|]* \| ([\d,.]+)[^|]* \| \**(met|missed)(?: by ([\d,.]+)[^|]*)? \|"
    rows = re.findall(cell, page)
    wrong = []
    for sign, *numbers, said, margin in rows:
        target, measured = (float(number.replace(",", "")) for number in numbers)
        better = target - measured if sign == "≤" else measured - target
        step = 10.0 ** -len(numbers[1].partition(".")[2])  # the margin was rounded by itself
        by = float(margin.replace(",", "") or 0)
        if said != ("met" if better >= -step / 2 else "missed") or abs(abs(better) - by) > 1.01 * step:
            wrong.append(" ".join((sign, *numbers, said, margin)))
    assert wrong == []
    met = [
        f"{sum(row[3] == 'met' for row in re.findall(cell, part))} of {len(re.findall(cell, part))}"
        for part in page.split("\n## ")
    ]
    counted = [re.findall(r"^(\d+ of \d+) targets met", part, re.MULTILINE) for part in page.split("\n## ")]
    assert len(rows) >= 20
    assert all(said in ([], [found]) for said, found in zip(counted, met, strict=True))
