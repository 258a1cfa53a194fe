"""One network policy a flow: who may reach whom, as the chart renders it; the cluster's own word is in tests/e2e."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.conftest import Json, Render
from tools.generate import chart

pytestmark = pytest.mark.process

ALL = "*"


def component(selector: Json) -> tuple[str, ...]:
    """The components that a podSelector means."""
    labels = selector.get("matchLabels", {})
    if one := labels.get("app.kubernetes.io/component"):
        return (one,)
    expressions = selector.get("matchExpressions", [])
    return tuple(expressions[0]["values"]) if expressions else (ALL,)


def ways(objects: list[Json], kind: str) -> set[tuple[str, str, Any]]:
    """(component, other end, port) of every Ingress, or Egress, that is allowed."""
    side, end = kind.lower(), {"Ingress": "from", "Egress": "to"}[kind]
    found = set()
    for policy in objects:
        if policy["kind"] != "NetworkPolicy" or kind not in policy["spec"]["policyTypes"]:
            continue
        for own in component(policy["spec"]["podSelector"]):
            for rule in policy["spec"].get(side, []):
                peers = rule.get(end)
                others = [ALL] if peers is None else []
                for peer in peers or []:
                    pods = "podSelector" in peer
                    block = peer.get("ipBlock", {}).get("cidr")
                    others += component(peer["podSelector"]) if pods else [block or next(iter(peer))]
                found |= {(own, other, port["port"]) for other in others for port in rule["ports"]}
    return found


def test_nothing_may_be_reached_and_nothing_left_but_what_a_flow_says(render: Render) -> None:
    objects = render()
    denied = [
        o for o in objects if o["kind"] == "NetworkPolicy" and o["metadata"]["name"].endswith("deny-all")
    ]
    assert [sorted(o["spec"]) for o in denied] == [["podSelector", "policyTypes"]]
    assert denied[0]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert component(denied[0]["spec"]["podSelector"]) == (ALL,)
    into = ways(objects, "Ingress")
    store = {(c, 9000) for c in ("api", "staff", "mlflow", "drift", "upkeep", "retrain", "bootstrap")}
    assert into == {
        ("api", ALL, 3000), ("api", "namespaceSelector", 9464), ("api", "page", 3000),
        *(("api", job, port) for job in ("drift", "retrain", "bootstrap") for port in (3000, 9464)),
        ("api", "test", 3000), ("page", ALL, 8501),
        *(("minio", client, port) for client, port in store), ("minio", "namespaceSelector", 9000),
        *(("mlflow", client, 5000) for client in ("staff", "upkeep", "retrain", "bootstrap")),
        *(("pushgateway", job, 9091) for job in ("drift", "retrain", "bootstrap")),
        ("pushgateway", "namespaceSelector", 9091),
    }  # fmt: skip
    out = {way for way in ways(objects, "Egress") if way[2] != 53}
    assert out == {
        (other, own, port) for own, other, port in into if other not in (ALL, "namespaceSelector")
    } | {
        (acting, ALL, port)
        for acting in ("drift", "retrain", "bootstrap", "drain")
        for port in (443, 6443, 8443, 16443)
    }


def test_every_flow_between_two_of_ours_is_a_policy_with_both_ends(render: Render) -> None:
    names = {o["metadata"]["name"] for o in render() if o["kind"] == "NetworkPolicy"}
    assert {name + "-out" for name in names if f"{name}-out" in names} == {
        n for n in names if n.endswith("-out")
    }
    assert len([name for name in names if name.endswith("-out")]) == 6


def test_prometheus_reads_the_bot_although_its_clients_are_named(render: Render) -> None:
    objects = render("-f", str(chart.CHART / "ci" / "04-ha-values.yaml"))
    (policy,) = [
        o
        for o in objects
        if o["kind"] == "NetworkPolicy" and o["metadata"]["name"].endswith("prometheus-to-api")
    ]
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]
    assert ("api", ALL, 3000) not in ways(objects, "Ingress")


@pytest.mark.parametrize(
    ("values", "way"),
    [
        (
            "minio.enabled=false,store.podIdentity=true,store.endpoint=https://s3.example.com:8443",
            ("api", ALL, 8443),
        ),
        ("minio.enabled=false,store.podIdentity=true", ("mlflow", ALL, 443)),
        ("mlflow.enabled=false,mlflow.url=http://mlflow.example.com", ("retrain", ALL, 80)),
        ("mlflow.backend=postgresql://me:pw@db/mlflow", ("mlflow", ALL, 5432)),
        ("mlflow.backend=mysql+pymysql://me:pw@db:3310/mlflow", ("mlflow", ALL, 3310)),
        ("mlflow.backendSecret=my-database", ("mlflow", ALL, 5432)),
        ("api.enabled=false,retrain.enabled=false,api.url=https://bot.example.com", ("page", ALL, 443)),
        (
            "api.enabled=false,retrain.enabled=false,api.url=https://bot.example.com:8444",
            ("drift", ALL, 8444),
        ),
        ("api.handoff.url=http://desk.example.com:8080/hook", ("api", ALL, 8080)),
        ("staffPages.oidcSecret=my-oidc", ("staff", ALL, 443)),
        (
            "pushgateway.enabled=false,pushgateway.url=http://pushgateway.monitoring:9091",
            ("drift", ALL, 9091),
        ),
    ],
)
def test_what_is_elsewhere_can_be_reached_on_its_port(
    render: Render, values: str, way: tuple[str, str, int]
) -> None:
    assert way not in ways(render(), "Egress")
    assert way in ways(render("--set", values), "Egress")


IDENTITY = "minio.enabled=false,store.podIdentity=true,store.endpoint=https://s3.example.com:8443"
CREDENTIALS = {
    (ALL, 443),
    ("169.254.170.23/32", 80), ("fd00:ec2::23/128", 80),
    ("169.254.169.254/32", 80), ("fd00:ec2::254/128", 80),
}  # fmt: skip
"""Where a pod's identity becomes credentials: STS, the agent of EKS Pod Identity, the node's metadata service."""


def test_each_client_of_the_store_and_no_other_pod_can_get_credentials_for_its_identity(
    render: Render,
) -> None:
    keys = ways(render("--set", IDENTITY.replace("podIdentity=true", "existingSecret=a")), "Egress")
    identity = ways(render("--set", IDENTITY), "Egress")
    clients = ("api", "staff", "mlflow", "drift", "upkeep", "retrain", "bootstrap")
    wanted = {(client, *end) for client in clients for end in CREDENTIALS}
    assert identity == keys | wanted
    assert not wanted <= keys
