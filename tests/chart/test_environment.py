"""The environment of the chart's containers: each variable once, the component's over everybody's over the default."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.chart.conftest import SCENARIOS, Json, Render, containers, pod_specs

pytestmark = pytest.mark.process

COMPONENTS = (
    "api", "chatPage", "staffPages", "mlflow", "minio", "pushgateway", "driftCheck", "upkeep", "retrain", "bootstrap",
)  # fmt: skip
WITH_SETTINGS = ("api", "chatPage", "staffPages", "mlflow", "driftCheck", "upkeep", "retrain")


def environments(objects: list[Json]) -> list[tuple[str, list[Json]]]:
    """The environment of every container, by `kind/name/container`."""
    return [
        (f"{name}/{container['name']}", container.get("env", []))
        for name, spec in pod_specs(objects)
        for container in containers(spec)
    ]


OWN = frozenset(
    {
        "CHATBOT_MODEL",
        *("CHATBOT_HOST", "CHATBOT_PORT", "CHATBOT_METRICS_PORT"),
        *("CHATBOT_UI_ADDRESS", "CHATBOT_UI_PORT", "CHATBOT_STAFF_ADDRESS", "CHATBOT_STAFF_PORT"),
        *("CHATBOT_MLFLOW_ADDRESS", "CHATBOT_MLFLOW_PORT"),
    }
)
"""Variables that the chart sets itself: it refuses values that set them (`tests/chart/test_values.py`)."""


def values(render: Render, *arguments: str) -> dict[str, dict[str, object]]:
    """The variables of every container."""
    return {
        name: {variable["name"]: variable.get("value") for variable in environment}
        for name, environment in environments(render(*arguments))
    }


def everywhere(render: Render) -> list[str]:
    """Every variable that any container is given."""
    return sorted({variable["name"] for _, environment in environments(render()) for variable in environment})


@pytest.mark.parametrize(
    ("base", "source"),
    [
        *(([], source) for source in ("nothing", "everybody", "components")),
        *((["-f", str(path)], "all") for path in SCENARIOS),
    ],
    ids=str,
)
def test_no_container_has_a_variable_twice_whatever_sets_it(
    render: Render, base: list[str], source: str
) -> None:
    names = [name for name in everywhere(render) if name not in OWN]
    assert len(names) > 20
    addresses = "URL", "PUSHGATEWAY", "ENDPOINT"
    extra = [{"name": n, "value": "http://a" if n.endswith(addresses) else "1"} for n in names]
    settings = {n: "1" for n in names if n.startswith("CHATBOT_") and not n.endswith(addresses)}
    more: list[str] = []
    if source in ("everybody", "all"):
        more.append(f"--set-json=pod.extraEnv={json.dumps(extra)}")
    if source in ("components", "all"):
        more += [f"--set-json={component}.pod.extraEnv={json.dumps(extra)}" for component in COMPONENTS]
        more += [f"--set-json={component}.settings={json.dumps(settings)}" for component in WITH_SETTINGS]
    for name, environment in environments(render(*base, "--set=api.spool.persistent=true", *more)):
        twice = [n for n, count in Counter(variable["name"] for variable in environment).items() if count > 1]
        assert twice == [], name
        # As the schema of the API server has it: a value or its source, never both.
        assert not [v for v in environment if "value" in v and "valueFrom" in v], name


def test_a_components_own_variable_wins_over_its_settings_over_everybodys_over_the_default(
    render: Render,
) -> None:
    def drain(*arguments: str) -> object:
        return values(render, *arguments)["Deployment/support-chatbot-api/api"]["CHATBOT_DRAIN_SECONDS"]

    everybody = '--set-json=pod.extraEnv=[{"name":"CHATBOT_DRAIN_SECONDS","value":"21"}]'
    settings = "--set=api.settings.CHATBOT_DRAIN_SECONDS=22"
    own = '--set-json=api.pod.extraEnv=[{"name":"CHATBOT_DRAIN_SECONDS","value":"23"}]'
    assert drain() == "10"
    assert drain(everybody) == "21"
    assert drain(everybody, settings) == "22"
    assert drain(everybody, settings, own) == "23"


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_all_servers_listen_on_the_one_address_that_is_set(render: Render, address: str) -> None:
    """In a cluster whose pods have IPv6 addresses, nothing would be reached on `0.0.0.0`."""
    found = values(render, f"--set=global.listenAddress={address}")
    listening = {
        name.split("/")[1].removeprefix("support-chatbot-"): variables[variable]
        for name, variables in found.items()
        for variable in (
            "CHATBOT_HOST",
            "CHATBOT_UI_ADDRESS",
            "CHATBOT_STAFF_ADDRESS",
            "CHATBOT_MLFLOW_ADDRESS",
        )
        if variable in variables and name.startswith("Deployment/")
    }
    assert listening == dict.fromkeys(("api", "page", "staff", "mlflow"), address)


def test_the_grace_period_follows_the_settings_that_need_it(render: Render) -> None:
    def grace(*arguments: str) -> int:
        specs = dict(pod_specs(render(*arguments)))
        return int(specs["Deployment/support-chatbot-api"]["terminationGracePeriodSeconds"])

    assert grace() == 10 + 120 + 30
    assert grace("--set=api.settings.CHATBOT_UPLOAD_CLOSE_SECONDS=300.5") == 10 + 301 + 30
    assert grace("--set=api.settings.CHATBOT_DRAIN_SECONDS=40") == 40 + 120 + 30
    assert (
        grace('--set-json=api.pod.extraEnv=[{"name":"CHATBOT_DRAIN_SECONDS","value":"50"}]') == 50 + 120 + 30
    )


def test_the_grace_period_is_the_usual_one_where_a_setting_is_empty_or_from_elsewhere(render: Render) -> None:
    def grace(**variable: object) -> int:
        told = json.dumps([{"name": "CHATBOT_UPLOAD_CLOSE_SECONDS", **variable}])
        specs = dict(pod_specs(render(f"--set-json=api.pod.extraEnv={told}")))
        return int(specs["Deployment/support-chatbot-api"]["terminationGracePeriodSeconds"])

    usual = 10 + 120 + 30
    assert grace(value=" 300 ") == usual + 180
    assert grace(value="") == usual
    assert grace() == usual
    assert grace(valueFrom={"configMapKeyRef": {"name": "a", "key": "b"}}) == usual


def test_a_variable_that_another_refers_to_comes_before_it(render: Render) -> None:
    arguments = ("--set=api.spool.persistent=true", "--set=api.settings.CHATBOT_LOG_KEEP=3")
    names = [v["name"] for v in dict(environments(render(*arguments)))["Deployment/support-chatbot-api/api"]]
    assert names.index("POD_NAME") < names.index("CHATBOT_LOG_FOLDER")
