"""The bootstrap's secrets on a real API server: made once, filled up, and only those that its account was given."""

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
    """The account that may create Secrets, and read and fill up `bot`."""
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


def test_a_secret_is_made_once_and_stays(bootstrap: Namespace) -> None:
    output = bootstrap.run("bootstrap", "k8s.secrets", "--label", "app.kubernetes.io/instance=x", *REQUESTED)
    created = secret_content(bootstrap)
    assert created["user"] == "api"
    assert len(created["prediction-key"]) == 48
    assert created["prediction-key"] not in output
    assert bootstrap.get("secret", "bot")["metadata"]["labels"] == {"app.kubernetes.io/instance": "x"}
    assert "nothing, all were there" in bootstrap.run("bootstrap", "k8s.secrets", *REQUESTED)
    assert secret_content(bootstrap) == created


def test_a_key_that_a_secret_lacks_is_added_and_the_others_stay(bootstrap: Namespace) -> None:
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


def test_two_at_once_make_each_key_once(bootstrap: Namespace) -> None:
    runs = [bootstrap.start("bootstrap", "k8s.secrets", *REQUESTED) for _ in range(3)]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert sum("bot/prediction-key" in output for output in outputs) == 1


def test_a_secret_that_is_not_its_own_is_refused_with_the_missing_right(bootstrap: Namespace) -> None:
    output = bootstrap.run("bootstrap", "k8s.secrets", "other/key=random", code=1)
    assert "secrets" in output
    assert "Traceback" not in output
    found = json.loads(bootstrap.kubectl("get", "secrets", "-o", "json"))["items"]
    assert "other" not in {item["metadata"]["name"] for item in found}


@pytest.mark.parametrize("argument", ["bot", "bot/key", "bot/key=plain", "/key=random", "bot/=random"])
def test_an_argument_that_cannot_be_meant_is_named(argument: str) -> None:
    with pytest.raises(SettingError, match="NAME/KEY=random"):
        parse_requests([argument])
