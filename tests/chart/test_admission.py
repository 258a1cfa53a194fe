"""The admission policies, as they are rendered: what the loop itself does passes, whatever values are set."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from kubernetes.client import V1DeploymentSpec

from tests.chart.conftest import Json, Render, containers
from tools.generate import chart

pytestmark = pytest.mark.process

EMPTY = (
    ("--set-string=api.slots.support_phone=",),
    ("--set-string=retrain.settings.CHATBOT_LANGUAGES=",),
    ('--set-json=pod.extraEnv=[{"name":"HTTPS_PROXY","value":""}]',),
    ('--set-json=retrain.pod.extraEnv=[{"name":"HTTPS_PROXY"}]',),
)
"""Empty values: legal, and the same as unset variables."""


def accounts_that_may(objects: list[Json], verb: str, resource: str) -> set[str]:
    """The names of the accounts whose Roles allow this."""
    roles = {
        o["metadata"]["name"]
        for o in objects
        if o["kind"] == "Role"
        and any(verb in rule["verbs"] and resource in rule["resources"] for rule in o["rules"])
    }
    return {
        subject["name"]
        for o in objects
        if o["kind"] == "RoleBinding" and o["roleRef"]["name"] in roles
        for subject in o["subjects"]
    }


@pytest.mark.parametrize(
    ("verb", "resource", "name"), [("patch", "deployments", "rollouts"), ("create", "jobs", "jobs")]
)
def test_every_account_that_may_change_what_a_policy_guards_is_one_that_the_policy_holds_for(
    render: Render, scenario: Path, verb: str, resource: str, name: str
) -> None:
    objects = render("-f", str(scenario))
    for account in accounts_that_may(objects, verb, resource):
        (condition,) = policy(objects, name)["matchConditions"]
        assert f"'system:serviceaccount:{chart.NAMESPACE}:{account}'" in condition["expression"]


def test_a_drift_check_without_a_retraining_checks_alone_and_may_do_nothing_on_the_api_server(
    render: Render,
) -> None:
    """Its trigger would fail at each red verdict, and no policy holds for the Jobs that its account could create."""
    objects = render("--set=retrain.enabled=false")
    assert accounts_that_may(objects, "create", "jobs") == set()
    (cron,) = [o for o in objects if o["kind"] == "CronJob" and o["metadata"]["name"].endswith("-drift")]
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert [container["name"] for container in containers(pod)] == ["check"]
    assert "serviceAccountToken" not in json.dumps(pod)
    reached = {
        o["metadata"]["name"].removeprefix(f"{chart.RELEASE}-")
        for o in objects
        if o["kind"] == "NetworkPolicy" and '"drift"' in json.dumps(o["spec"]["podSelector"])
    }
    assert reached == {"clients-to-minio-out", "jobs-to-api-out", "jobs-to-pushgateway-out"}


def policy(objects: list[Json], name: str) -> Json:
    (found,) = [
        o["spec"]
        for o in objects
        if o["kind"] == "ValidatingAdmissionPolicy" and f"-{name}-" in o["metadata"]["name"]
    ]
    spec: Json = found
    return spec


def test_a_rollout_may_change_no_field_of_the_deployment_s_spec_but_the_template(render: Render) -> None:
    """A field that a later Kubernetes adds must be compared, too."""
    said = " ".join(v["expression"] for v in policy(render(), "rollouts")["validations"])
    compared = set(re.findall(r"object\.spec\.\?(\w+) == oldObject\.spec\.\?\1(?!\w)", said))
    immutable, compared_by_part = "selector", "template"
    assert compared | {immutable, compared_by_part} == {*V1DeploymentSpec.attribute_map.values()}


AS_COMPARED = "(has(e.valueFrom) ? e.name : e.name + '=' + (has(e.value) ? e.value : '')) in "
"""What `as_compared` repeats."""


def as_compared(variable: Json) -> str:
    """A variable as the policy compares it: the API server omits an empty value."""
    kept = {key: value for key, value in variable.items() if value != ""}
    return str(kept["name"] if "valueFrom" in kept else f"{kept['name']}={kept.get('value', '')}")


def allowed_environment(objects: list[Json]) -> list[str]:
    """The variables that the policy lets a retrain Job have."""
    (expression,) = [
        v["expression"] for v in policy(objects, "jobs")["validations"] if "e.name" in v["expression"]
    ]
    assert AS_COMPARED in expression
    listed = re.match(r"\[.*?\](?= &&)", expression.partition(AS_COMPARED)[2])
    assert listed
    names: list[str] = json.loads(listed[0])
    return names


def retrain_environment(objects: list[Json]) -> list[Json]:
    """The variables of the retrain CronJob's template."""
    (cron,) = [o for o in objects if o["kind"] == "CronJob" and o["metadata"]["name"].endswith("-retrain")]
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return [variable for container in containers(pod) for variable in container["env"]]


@pytest.mark.parametrize("arguments", [(), *EMPTY], ids=str)
def test_every_variable_of_the_retrain_template_is_allowed_as_the_api_server_has_it(
    render: Render, arguments: tuple[str, ...]
) -> None:
    objects = render(*arguments)
    needed = {as_compared(variable) for variable in retrain_environment(objects)}
    assert needed == set(allowed_environment(objects))
