"""The bootstrap's Secrets on a real API server: created once, completed, and limited to its account's Role."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from chatbot.errors import SettingError
from k8s.secrets import parse_requests
from tests.k8s.kube_testbed import Namespace

pytestmark = pytest.mark.integration

REQUESTED = ("bot/prediction-key=random", "bot/user=text:api")


@pytest.fixture
def bootstrap(namespace: Namespace) -> Namespace:
    """Create the account that may create Secrets, and read and patch `bot`."""
    rule = {"apiGroups": [""], "resources": ["secrets"]}
    role: dict[str, Any] = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "bootstrap"}}
    namespace.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bootstrap"}},
        role
        | {
            "kind": "Role",
            "rules": [
                rule | {"verbs": ["create"]},
                rule | {"resourceNames": ["bot"], "verbs": ["get", "patch"]},
            ],
        },
        role
        | {
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "bootstrap"},
            "subjects": [{"kind": "ServiceAccount", "name": "bootstrap"}],
        },
    )
    namespace.login("bootstrap")
    return namespace


def secret_content(namespace: Namespace, name: str = "bot") -> dict[str, str]:
    data = namespace.get("secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_a_secret_is_created_once_and_stays_unchanged(bootstrap: Namespace) -> None:
    output = bootstrap.run("bootstrap", "k8s.secrets", "--label", "app.kubernetes.io/instance=x", *REQUESTED)
    created = secret_content(bootstrap)
    assert created["user"] == "api"
    assert len(created["prediction-key"]) == 48
    assert created["prediction-key"] not in output
    assert bootstrap.get("secret", "bot")["metadata"]["labels"] == {"app.kubernetes.io/instance": "x"}
    assert "nothing, all were there" in bootstrap.run("bootstrap", "k8s.secrets", *REQUESTED)
    assert secret_content(bootstrap) == created


def test_a_missing_key_is_added_and_the_others_stay_unchanged(bootstrap: Namespace) -> None:
    bootstrap.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "bot"},
            "stringData": {"prediction-key": "mine"},
        }
    )
    assert "made: bot/user\n" in bootstrap.run("bootstrap", "k8s.secrets", *REQUESTED)
    assert secret_content(bootstrap) == {"prediction-key": "mine", "user": "api"}


def test_concurrent_runs_create_each_key_once(bootstrap: Namespace) -> None:
    runs = [bootstrap.start("bootstrap", "k8s.secrets", *REQUESTED) for _ in range(3)]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert sum("bot/prediction-key" in output for output in outputs) == 1


def test_a_secret_outside_its_role_is_refused_with_the_missing_permission(bootstrap: Namespace) -> None:
    output = bootstrap.run("bootstrap", "k8s.secrets", "other/key=random", code=1)
    assert "secrets" in output
    assert "Traceback" not in output
    found = json.loads(bootstrap.kubectl("get", "secrets", "-o", "json"))["items"]
    assert "other" not in {item["metadata"]["name"] for item in found}


@pytest.mark.parametrize("argument", ["bot", "bot/key", "bot/key=plain", "/key=random", "bot/=random"])
def test_an_invalid_argument_is_named(argument: str) -> None:
    with pytest.raises(SettingError, match="NAME/KEY=random"):
        parse_requests([argument])
