"""The chart's values: one source, its schema and its page made of it, and errors that name the key."""

from __future__ import annotations

import json

import pytest
import yaml

from tools.generate import chart


def test_every_value_is_documented() -> None:
    assert chart.undocumented((chart.CHART / "values.yaml").read_text()) == []


def test_a_value_without_a_word_is_found() -> None:
    text = "# -- Documented.\na: 1\nb:\n  c: 2\n  # -- Documented.\n  d: 3\n"
    assert chart.undocumented(text) == ["b.c"]


def test_a_schema_comment_that_is_not_json_is_named_with_its_line() -> None:
    with pytest.raises(chart.ChartError, match="line 2"):
        chart.read("# -- Documented.\n# @schema {type: integer}\na: 1\n")


@pytest.mark.process
@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ("api.autoscaling.mn=3", "/api/autoscaling", "'mn' not allowed"),
        ("apii.enabled=true", "", "'apii' not allowed"),
        ("api.replicas=many", "/api/replicas", "want integer"),
        ("api.autoscaling.min=1", "/api/autoscaling/min", "minimum"),
        ("monitoring.operator=perhaps", "/monitoring/operator", "value must be one of"),
        ("api.resources.request.cpu=1", "/api/resources", "'request' not allowed"),
        ("chatPage.pod.nodeSelectr.a=b", "/chatPage/pod", "'nodeSelectr' not allowed"),
        ("store.existingSecrets.nobody=x", "/store/existingSecrets", "nobody"),
        ("api.settings.ANSWER=0.5", "/api/settings", "ANSWER"),
        ("api.settings.CHATBOT_UPLAOD_PART_ROWS=5", "/api/settings", "CHATBOT_UPLAOD_PART_ROWS"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(value: str, path: str, reason: str) -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render("--set", value)
    assert f"at '{path}'" in str(refused.value)
    assert reason in str(refused.value)


def test_the_chart_and_the_code_have_one_version() -> None:
    import tomllib

    about = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    version = tomllib.loads((chart.ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert about["version"] == about["appVersion"] == version


@pytest.mark.process
def test_the_manifests_are_what_the_chart_renders() -> None:
    assert chart.stale() == []


def test_the_defaults_keep_to_their_own_schema() -> None:
    schema = json.loads(chart.schema())
    assert set(schema["properties"]) == set(yaml.safe_load((chart.CHART / "values.yaml").read_text()))


@pytest.mark.process
def test_cluster_scoped_names_of_two_releases_cannot_collide() -> None:
    """Release `b-c` in namespace `a` and release `c` in namespace `a-b`."""

    def names(release: str, namespace: str) -> set[str]:
        parts = yaml.safe_load_all(chart.render(release=release, namespace=namespace))
        return {p["metadata"]["name"] for p in parts if p and p["kind"].startswith("ValidatingAdmission")}

    one, other = names("b-c", "a"), names("c", "a-b")
    assert one
    assert other
    assert not one & other
