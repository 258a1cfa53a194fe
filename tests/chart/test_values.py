"""The chart's values: one source, its schema and its page made of it, and errors that name the key."""

from __future__ import annotations

import json

import pytest
import yaml

from chatbot.settings import HandoffSettings, LogSettings, UploadSettings
from tools.generate import chart
from tools.generate.compose import every_setting


def undocumented(text: str) -> list[str]:
    return [".".join(value.path) for value in chart.leaves(chart.read(text)) if not value.meaning]


def test_every_value_is_documented() -> None:
    assert undocumented((chart.CHART / "values.yaml").read_text()) == []


def test_a_value_without_a_word_is_found() -> None:
    text = "# -- Documented.\na: 1\nb:\n  c: 2\n  # -- Documented.\n  d: 3\n"
    assert undocumented(text) == ["b.c"]


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
        ("api.settings.CHATBOT_WORKERS=many", "/api/settings/CHATBOT_WORKERS", "want integer"),
        ("api.settings.CHATBOT_WORKERS=0", "/api/settings/CHATBOT_WORKERS", "minimum"),
        ("api.settings.CHATBOT_GATHER=perhaps", "/api/settings/CHATBOT_GATHER", "want boolean"),
        ("api.handoff.url=desk.example.com", "/api/handoff/url", "does not match pattern"),
        ("mlflow.url=mlflow:5000", "/mlflow/url", "does not match pattern"),
        ("pod.extraEnv[0].name=CHATBOT_UPLAOD_PART_ROWS", "/pod/extraEnv/0/name", "CHATBOT_UPLAOD_PART_ROWS"),
        ("driftCheck.schedule=never", "/driftCheck/schedule", "does not match pattern"),
        ("upkeep.schedule=41 3 * *", "/upkeep/schedule", "does not match pattern"),
        ("api.resources.limits.cpu=lots", "/api/resources/limits/cpu", "does not match pattern"),
        ("minio.volume.size=20GiB", "/minio/volume/size", "does not match pattern"),
        ("api.image.digest=latest", "/api/image/digest", "does not match pattern"),
        ("api.pod.extraEnv[0].nam=TZ", "/api/pod/extraEnv/0", "missing property 'name'"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(value: str, path: str, reason: str) -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render("--set", value)
    assert f"at '{path}'" in str(refused.value)
    assert reason in str(refused.value)


@pytest.mark.process
@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("api.autoscaling.min=9", "api.autoscaling.min is 9, above api.autoscaling.max, which is 6"),
        ("api.enabled=false", "api.url is empty, with api.enabled=false"),
        ("api.url=http://bot", "api.url is set, with api.enabled=true"),
        ("mlflow.enabled=false", "mlflow.url is empty, with mlflow.enabled=false"),
        ("mlflow.url=http://mlflow", "mlflow.url is set, with mlflow.enabled=true"),
        ("pushgateway.url=http://gateway", "pushgateway.url is set, with pushgateway.enabled=true"),
        ("store.endpoint=http://s3", "store.endpoint is set, with minio.enabled=true"),
        ("minio.enabled=false,store.accessKey=A", "store.secretKey is empty"),
        ("minio.enabled=false,store.secretKey=A", "store.accessKey is empty"),
        ("store.podIdentity=true,store.existingSecret=a", "store.podIdentity is true, and store has keys"),
        ("minio.enabled=false", "store.existingSecret is empty, with minio.enabled=false: api, drift,"),
        ("minio.enabled=false,store.existingSecrets.api=a", "minio.enabled=false: drift, mlflow, retrain,"),
        ("mlflow.backend=a,mlflow.backendSecret=b", "mlflow.backend and mlflow.backendSecret are both set"),
        (
            "staffPages.existingSecret=a,staffPages.oidcSecret=b",
            "staffPages.existingSecret and staffPages.oidc",
        ),
        ("chatPage.route.enabled=true", "chatPage.route.parents is empty"),
        ("fullnameOverride=Support_Bot", "Support_Bot is not a valid name for a Service"),
        (
            "api.spoolSize=300Mi",
            "api.spoolSize is 300Mi, and the data that may be stored there add up to 1344 MB",
        ),
        ("api.settings.CHATBOT_UPLOAD_QUEUE_MB=4000", "stored there add up to 5088 MB"),
        ("api.apiKeys.clientSecret=a", "api.apiKeys.existingSecret is empty"),
        (
            r"pod.annotations.support-chatbot/model-version=9",
            "pod.annotations has support-chatbot/model-version",
        ),
        (r"api.pod.annotations.support-chatbot/x=9", "api.pod.annotations has support-chatbot/x"),
        (r"pod.labels.app\.kubernetes\.io/instance=a", "pod.labels has app.kubernetes.io/instance"),
        (
            r"retrain.pod.labels.app\.kubernetes\.io/component=a",
            "retrain.pod.labels has app.kubernetes.io/component",
        ),
        ("api.settings.CHATBOT_MODEL=9", "api has CHATBOT_MODEL"),
        (
            "api.settings.CHATBOT_PORT=3001",
            "api has CHATBOT_PORT (settings or pod.extraEnv): the chart sets it",
        ),
        ("api.settings.CHATBOT_METRICS_PORT=1", "api has CHATBOT_METRICS_PORT"),
        ("chatPage.settings.CHATBOT_UI_PORT=1", "chatPage has CHATBOT_UI_PORT"),
        ("staffPages.settings.CHATBOT_STAFF_ADDRESS=::1", "staffPages has CHATBOT_STAFF_ADDRESS"),
        ("mlflow.settings.CHATBOT_MLFLOW_PORT=1", "mlflow has CHATBOT_MLFLOW_PORT"),
        ("api.pod.extraEnv[0].name=CHATBOT_MODEL,api.pod.extraEnv[0].value=a", "api has CHATBOT_MODEL"),
        ("pod.extraEnv[0].name=CHATBOT_MODEL,pod.extraEnv[0].value=a", "api has CHATBOT_MODEL"),
    ],
)
def test_contradictory_values_are_refused_with_their_paths(values: str, problem: str) -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render("--set", values)
    assert problem in str(refused.value)


def test_the_sum_of_what_lies_on_the_spool_is_that_of_the_settings_defaults() -> None:
    log, most = LogSettings.model_fields, HandoffSettings.model_fields["queue_mb"].default
    sizes = log["rotate_mb"].default * (log["keep"].default + 1) + log["spool_mb"].default
    assert sizes + UploadSettings.model_fields["queue_mb"].default + 2 * most == 1344


@pytest.mark.process
def test_all_contradictions_are_named_at_once() -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render("--set", "api.autoscaling.min=9,mlflow.enabled=false")
    assert "api.autoscaling.min" in str(refused.value)
    assert "mlflow.url" in str(refused.value)


def test_a_settings_default_keeps_to_the_schema_of_its_variable() -> None:
    import jsonschema

    properties = json.loads(chart.schema())["definitions"]["settings"]["properties"]
    defaults = {name: default for name, default, _ in every_setting() if name in properties}
    assert len(defaults) > 80
    for name, default in defaults.items():
        jsonschema.validate(default, properties[name])


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
