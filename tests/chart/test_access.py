"""Access to the API in the chart: keys from Secrets, origins, metrics on a port that nothing outside reaches."""

from __future__ import annotations

import pytest

from tests.chart.conftest import Json, Render, containers, pod_specs
from tools.generate import chart

pytestmark = pytest.mark.process

KEYS = "api.apiKeys.existingSecret=bot-keys,api.apiKeys.clientSecret=bot-client"
CLIENT_KEY = {"secretKeyRef": {"name": "bot-client", "key": "api-key"}}
CALLERS = {"page", "check", "promote", "rollback", "chat"}
"""Containers that call the API."""


def environments(objects: list[Json]) -> dict[str, dict[str, Json]]:
    """The environment of every container by the container's name."""
    return {
        container["name"]: {variable["name"]: variable for variable in container.get("env") or []}
        for _, spec in pod_specs(objects)
        for container in containers(spec)
    }


def api_pod(objects: list[Json]) -> Json:
    """The spec of the API's pods."""
    [spec] = [spec for name, spec in pod_specs(objects) if name == "Deployment/support-chatbot-api"]
    return spec


def test_no_key_is_needed_by_default(render: Render) -> None:
    for name, environment in environments(render()).items():
        assert not {"CHATBOT_API_KEY", "CHATBOT_API_KEYS_FILE", "CHATBOT_CORS_ORIGINS"} & set(environment), (
            name
        )


def test_with_keys_the_api_reads_their_digests_and_every_caller_in_the_cluster_sends_its_own(
    render: Render,
) -> None:
    objects = render("--set", KEYS)
    found = environments(objects)
    assert {name for name, env in found.items() if "CHATBOT_API_KEY" in env} == CALLERS
    for name in CALLERS:
        assert found[name]["CHATBOT_API_KEY"]["valueFrom"] == CLIENT_KEY, name
    assert found["api"]["CHATBOT_API_KEYS_FILE"]["value"] == "/etc/support-chatbot/keys"
    pod = api_pod(objects)
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "api-keys"]
    assert volume["secret"]["secretName"] == "bot-keys"
    assert volume["secret"]["defaultMode"] == 0o440, "for the bot's user and group only"
    [mount] = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "api-keys"]
    assert mount["mountPath"] == "/etc/support-chatbot"
    assert mount["readOnly"] is True
    assert "subPath" not in mount, "a file mounted by subPath never changes"


def test_the_staff_pages_read_their_login_from_a_mounted_folder_so_that_a_rotation_arrives(
    render: Render,
) -> None:
    for options, secret, key, mode in (
        ((), "support-chatbot-staff", "token", 0o440),
        (("--set", "staffPages.existingSecret=mine"), "mine", "token", 0o440),
        (("--set", "staffPages.oidcSecret=oidc"), "oidc", "secrets.toml", None),
    ):
        objects = render(*options)
        environment = environments(objects)["staff"]
        assert "CHATBOT_STAFF_TOKEN" not in environment
        variable = "CHATBOT_STAFF_OIDC_SECRETS" if key == "secrets.toml" else "CHATBOT_STAFF_TOKEN_FILE"
        assert environment[variable]["value"] == f"/etc/staff/{key}"
        [pod] = [spec for name, spec in pod_specs(objects) if name == "Deployment/support-chatbot-staff"]
        [volume] = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "login"]
        assert volume["secretName"] == secret
        assert volume["items"] == [{"key": key, "path": key}]
        assert volume.get("defaultMode") == mode
        [mount] = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "login"]
        assert mount == {"name": "login", "mountPath": "/etc/staff", "readOnly": True}


def test_an_api_elsewhere_is_called_with_the_key_too(render: Render) -> None:
    objects = render(
        "--set",
        "api.enabled=false,retrain.enabled=false,api.url=https://bot.example.com,api.apiKeys.clientSecret=bot-client",
    )
    assert environments(objects)["page"]["CHATBOT_API_KEY"]["valueFrom"] == CLIENT_KEY


def test_the_admission_policy_admits_the_job_that_sends_the_key(render: Render) -> None:
    policy = next(part for part in render("--set", KEYS) if part["kind"] == "ValidatingAdmissionPolicy")
    expressions = " ".join(validation["expression"] for validation in policy["spec"]["validations"])
    assert '"CHATBOT_API_KEY"' in expressions
    assert '"bot-client"' in expressions


def test_keys_without_one_for_the_charts_own_clients_are_refused() -> None:
    with pytest.raises(chart.ChartError, match=r"api\.apiKeys\.clientSecret"):
        chart.render("--set", "api.apiKeys.existingSecret=bot-keys")


def test_origins_are_passed_on_and_one_that_matches_all_is_refused(render: Render) -> None:
    objects = render("--set", "api.corsOrigins={https://shop.example.com,http://localhost:8080}")
    variable = environments(objects)["api"]["CHATBOT_CORS_ORIGINS"]
    assert variable["value"] == "https://shop.example.com,http://localhost:8080"
    with pytest.raises(chart.ChartError, match="api/corsOrigins"):
        chart.render("--set", "api.corsOrigins={*}")


def test_metrics_are_on_a_port_that_no_service_ingress_or_route_has(render: Render) -> None:
    objects = render(
        "--set", "api.ingress.enabled=true,api.route.enabled=true,api.route.parents[0].name=gateway"
    )
    [container] = api_pod(objects)["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 3000, "metrics": 9464}
    environment = environments(objects)
    assert environment["api"]["CHATBOT_METRICS_PORT"]["value"] == "9464"
    assert environment["promote"]["CHATBOT_K8S_METRICS_PORT"]["value"] == "9464"
    for part in objects:
        if part["kind"] in ("Service", "Ingress", "HTTPRoute"):
            assert "9464" not in str(part["spec"]), part["metadata"]["name"]
            assert "metrics" not in str(part["spec"]), part["metadata"]["name"]


def test_prometheus_scrapes_that_port(render: Render) -> None:
    [deployment] = [
        o
        for o in render("--set", "monitoring.operator=never")
        if o["kind"] == "Deployment" and o["metadata"]["name"].endswith("-api")
    ]
    assert deployment["spec"]["template"]["metadata"]["annotations"]["prometheus.io/port"] == "9464"
    [monitor] = [o for o in render("--set", "monitoring.operator=always") if o["kind"] == "PodMonitor"]
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"
