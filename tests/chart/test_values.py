"""The chart's values: one source, its schema and its page made of it, and errors that name the key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatbot.settings import HandoffSettings, LogSettings, UploadSettings
from tests.chart.conftest import parsed
from tools.generate import chart, chart_forms
from tools.generate.compose import every_setting

Json = dict[str, Any]


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


WRONG = (
    [
        ("apii.enabled=true", "", "'apii' not allowed"),
        ("api.replicas=many", "/api/replicas", "want integer"),
        ("monitoring.operator=perhaps", "/monitoring/operator", "value must be one of"),
        ("api.resources.request.cpu=1", "/api/resources", "'request' not allowed"),
        ("chatPage.pod.nodeSelectr.a=b", "/chatPage/pod", "'nodeSelectr' not allowed"),
        ("store.existingSecrets.nobody=x", "/store/existingSecrets", "nobody"),
        ("api.settings.ANSWER=0.5", "/api/settings", "ANSWER"),
        ("api.settings.CHATBOT_WORKERS=0", "/api/settings/CHATBOT_WORKERS", "minimum"),
        ("api.settings.CHATBOT_GATHER=perhaps", "/api/settings/CHATBOT_GATHER", "want boolean"),
        ("api.handoff.url=desk.example.com", "/api/handoff/url", "does not match pattern"),
        ("mlflow.url=mlflow:5000", "/mlflow/url", "does not match pattern"),
        ("driftCheck.schedule=never", "/driftCheck/schedule", "does not match pattern"),
        ("upkeep.schedule=41 3 * *", "/upkeep/schedule", "does not match pattern"),
        ("api.resources.limits.cpu=lots", "/api/resources/limits/cpu", "does not match pattern"),
        ("minio.volume.size=20GiB", "/minio/volume/size", "does not match pattern"),
        ("api.image.digest=latest", "/api/image/digest", "does not match pattern"),
        ("api.pod.extraEnv[0].nam=TZ", "/api/pod/extraEnv/0", "missing property 'name'"),
        ("api.autoscaling=null", "/api", "missing property 'autoscaling'"),
        ("api.ingress.host=Shop.example.com", "/api/ingress/host", "does not match pattern"),
        ("pod.tolerations[0].ky=chat", "/pod/tolerations/0", "'ky' not allowed"),
        ("pod.labels.team=a b", "/pod/labels/team", "does not match pattern"),
        ("api.resources.limits.memory=512", "/api/resources/limits/memory", "minimum"),
    ],
    # Of the same keys.
    [
        ("api.autoscaling.mn=3", "/api/autoscaling", "'mn' not allowed"),
        ("api.autoscaling.min=1", "/api/autoscaling/min", "minimum"),
        ("api.settings.CHATBOT_WORKERS=many", "/api/settings/CHATBOT_WORKERS", "want integer"),
    ],
)
"""Values, each with the path and the reason that Helm names; those of a list are refused together."""


@pytest.mark.process
@pytest.mark.parametrize("wrong_values", WRONG, ids=["most", "of the same keys"])
def test_a_wrong_value_is_refused_with_its_path(wrong_values: list[tuple[str, str, str]]) -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render(*(f"--set={value}" for value, _, _ in wrong_values))
    lines = str(refused.value).splitlines()
    for value, path, reason in wrong_values:
        assert any(f"at '{path}': " in line and reason in line for line in lines), value


def wrong() -> list[tuple[str, Any]]:
    """Dotted paths, and values there that Kubernetes or the programs would refuse or misread."""
    name = "a secret", "Secret_1", "-a", "a" * 254
    amount = "lots", "-1", "1 Gi", "1GB", "", True
    return [
        (path, value)
        for paths, values in (
            # types, bounds, units
            ("api.replicas", (-1, 0, 2.5, "2", None)),
            ("api.enabled api.ingress.enabled", ("false", 0, None)),
            ("api.drainSeconds", (-1, 601, "10s")),
            ("api.autoscaling.downAfterSeconds", (-1, 3601)),
            ("api.service.port staffPages.port mlflow.port", (0, 65_536, "http")),
            ("upkeep.shards", (0, 1001, 1.5)),
            (
                "api.resources.limits.memory driftCheck.actResources.requests.memory",
                (*amount, 512, "512", "1500m"),
            ),
            ("api.resources.limits.cpu", (*amount, 0, "0", "1Gi")),
            ("api.resources.requests.cpu retrain.resources.requests api.resources", (None, "1 core", -0.5)),
            ("api.resources.limits.gpu", (1,)),
            ("minio.volume.size api.spool.size retrain.scratchSize", (*amount, 20, "20", "0Gi")),
            ("api.spoolSize", (*amount, "2e9", "0Gi", "1Ei")),
            # names
            ("api.existingSecret api.apiKeys.clientSecret staffPages.oidcSecret mlflow.backendSecret", name),
            (
                "minio.volume.existingClaim api.spool.storageClass pod.priorityClassName corpus.configMap",
                name,
            ),
            ("store.existingSecrets.api api.ingress.tlsSecret", name),
            (
                "chatPage.ingress.host api.route.host",
                ("", "https://a.example", "a.example/b", "a_b", "a..b", "a" * 64),
            ),
            ("api.image.repository", ("", "a b", "https://a/b", "a:latest", None)),
            ("global.image.registry", ("https://a", "a b")),
            ("api.image.tag", ("a b", ".a", 1.1)),
            ("store.bucket", ("", "ab", "A-b", "a..b", "192.168.1.1", "a/b")),
            ("store.region", ("eu central",)),
            # labels, annotations, scheduling
            (
                "pod.labels api.pod.labels api.clients pod.nodeSelector",
                ({"a b": "c"}, {"a": 1}, {"a": "b c"}, {"a": "b" * 64}),
            ),
            (
                "pod.annotations serviceAccounts.annotations api.ingress.annotations",
                ({"a b": "c"}, {"a": True}, []),
            ),
            ("serviceAccounts.byComponent", ({"page": {"a": "b"}}, {"api": {"a": True}}, {"api": "a"})),
            ("pod.tolerations", ([{"ky": "a"}], ["a"], [{"effect": "Never"}])),
            ("pod.affinity", ({"nodeAfinity": {}},)),
            ("global.imagePullSecrets", ([{"nam": "a"}], ["a"], [{"name": "A"}])),
            ("api.route.parents", ([{"nam": "a"}], [{}], [{"name": "a", "port": 0}])),
            (
                "pod.labels api.pod monitoring.alerts store.existingSecrets pod.extraEnv",
                (None, "x", 1),
            ),
            # environment
            ("api.settings.CHATBOT_WORKERS", (0, 65, "0", "65", "2.0", "-1", "many", [2])),
            ("api.settings.CHATBOT_LOG_KEEP", (-1, "-1")),
            ("api.settings.CHATBOT_ANSWER_THRESHOLD", (2, "2", "1.5", "-0.5", "NaN")),
            (
                "api.settings.CHATBOT_TIMEOUT_SECONDS",
                (0, "0", "0.0", "-1", "1e400", "inf", 1e10, "1e10", "9999999999.5"),
            ),
            ("api.settings.CHATBOT_SCOPE_THRESHOLD", (-1e10, "-9999999999")),
            ("api.settings.CHATBOT_LOG_KEEP", (10**10, "9999999999")),
            ("retrain.settings.CHATBOT_K8S_FALSE_ALARM", (0, "0", 0.5, "0.5", "0.9", "1", ".55")),
            ("retrain.settings.CHATBOT_K8S_LEASE_SECONDS", (2.9, "2.9", "0.3")),
            ("api.settings.CHATBOT_DRAIN_SECONDS", (600.5, "600.5", "1000")),
            ("chatPage.settings.CHATBOT_UI_LANGUAGE", ("english",)),
            ("api.slots", ({"my-slot": "a"}, {"": "a"}, {"Company": "a"}, {"company": 5})),
            (
                "pod.extraEnv",
                ([{"name": "1A"}], [{"name": "A=B"}], [{"name": ""}], [{"name": "A", "value": 5}]),
            ),
            ("pod.extraEnv", ([{"name": "A", "vale": "b"}], [{"name": "A", "valueFrom": {"secretRef": {}}}])),
            ("pod.extraEnv", ([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}],)),
            ("pod.extraEnv", ([{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "c"}}}],)),
            ("pod.extraEnv", ([{"name": "CHATBOT_WORKERS", "value": "many"}],)),
            # schedules and addresses
            (
                "driftCheck.schedule",
                ("", "61 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "0 0 * * 7", "*/0 * * * *"),
            ),
            ("driftCheck.schedule", ("* * * * * *", "TZ=UTC 0 0 * * *", "@every day", "@hour")),
            ("upkeep.timeZone", ("Local", "a: b", "/UTC", "Europe/")),
            (
                "networkPolicy.apiServer",
                (["10.0.0.1"], ["10.0.0.0/33"], ["256.0.0.0/8"], ["a"], ["10.0.0.0/8"] * 2),
            ),
            ("networkPolicy.egress", (None, "x", 1)),
            ("corpus.path", (None, 1)),
            ("networkPolicy.apiServerPorts", ([], [0], [65_536], ["443"])),
            (
                "networkPolicy.egress",
                ({"bot": []}, {"api": [{"port": 1}]}, {"api": [{"ports": [{"port": 65_536}]}]}),
            ),
            (
                "api.url api.handoff.url mlflow.url store.endpoint",
                ("http://", "http:///a", "ftp://a", "a.example"),
            ),
            (
                "api.corsOrigins",
                (["*"], ["https://a.example/b"], [""], ["https://A.example"], ["http://a.example:80"]),
            ),
            ("mlflow.backend", ("sqlite", "postgresql:/a")),
            ("mlflow.allowedHosts", ("http://a", "a b")),
            ("monitoring.alerts.runbookUrl", ("", "javascript:a", "a b")),
            ("corpus.path corpus.replies", ("/a", "../a", "a/../b")),
            ("corpus.storeKey", ("models/a", "corpora/../a", "corpora/a b", "corpora/")),
            # unknown keys at each depth
            (
                "ap api.x api.image.x api.spool.x minio.volume.x monitoring.alerts.x driftCheck.resources.x",
                (1,),
            ),
        )
        for path in paths.split()
        for value in values
    ]


def merged(values: Json, path: str, value: Any) -> Json:
    """Return the values with another one at a dotted path, as Helm merges them: `null` takes a key away."""
    key, _, rest = path.partition(".")
    new = merged(values.get(key, {}), rest, value) if rest else value
    return {**{k: v for k, v in values.items() if k != key}, **({} if new is None else {key: new})}


@pytest.fixture(scope="module")
def problems() -> Callable[[Json], list[str]]:
    """The paths of what the schema refuses in some of the top-level values."""
    import jsonschema

    whole = json.loads(chart.schema())
    properties = whole["properties"]
    for part in whole["allOf"]:
        properties["pod"] = {"allOf": [properties["pod"], part.get("properties", {}).get("pod", {})]}
    known = {"type": "object", "additionalProperties": False, "definitions": whole["definitions"]}

    def found(values: Json) -> list[str]:
        some = {key: properties[key] for key in values if key in properties}
        validator = jsonschema.Draft7Validator({**known, "properties": some})
        return [".".join(map(str, error.absolute_path)) for error in validator.iter_errors(values)]

    return found


def test_each_of_many_wrong_values_is_refused_at_its_path(problems: Callable[[Json], list[str]]) -> None:
    defaults = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    assert problems(defaults) == []
    assert len(wrong()) > 250
    for path, value in wrong():
        key = path.partition(".")[0]
        found = problems(merged({key: defaults[key]} if key in defaults else {}, path, value))
        # A key that is missing or unknown is reported for the group that it is missing in, or not known in.
        assert any((path + ".").startswith(one + ".") or one.startswith(path) or not one for one in found), (
            f"{path}={value!r} is accepted: {found}"
        )


@pytest.mark.parametrize("scenario", sorted((chart.CHART / "ci").glob("*.yaml")), ids=lambda path: path.name)
def test_no_value_of_a_scenario_is_refused(scenario: Path, problems: Callable[[Json], list[str]]) -> None:
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    for path, value in every_leaf(yaml.safe_load(scenario.read_text()) or {}):
        values = merged(values, path, value)
    assert problems(values) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("driftCheck.schedule", "*/5,30 0-6/2 1,15 JAN-mar sun"),
        ("driftCheck.schedule", "@every 1h30m"),
        ("upkeep.timeZone", "America/Argentina/Buenos_Aires"),
        ("api.settings.CHATBOT_WORKERS", "64"),
        ("api.settings.CHATBOT_ANSWER_THRESHOLD", "0.7"),
        ("api.settings.CHATBOT_ANSWER_THRESHOLD", "1.0"),
        ("api.settings.CHATBOT_TIMEOUT_SECONDS", "2.5"),
        ("api.settings.CHATBOT_DRAIN_SECONDS", "600.0"),
        ("api.settings.CHATBOT_SCOPE_THRESHOLD", "-1.5"),
        ("retrain.settings.CHATBOT_K8S_FALSE_ALARM", "0.05"),
        ("api.resources.limits", {"cpu": 0.5, "memory": 1_500_000_000, "nvidia.com/gpu": 1}),
        ("api.resources.limits", {"memory": "1.5Gi"}),
        ("networkPolicy.apiServer", ["10.0.0.0/8", "2001:db8::/32"]),
        ("global.image.registry", "registry.example.com:5000/team/mirror/"),
        ("api.image.repository", "localhost:5000/team/api"),
        ("chatPage.ingress.host", "*.example.com"),
        (
            "pod.extraEnv",
            [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}, {"name": "B"}],
        ),
        ("corpus.path", "messages..v2.csv"),
    ],
)
def test_right_values_of_many_forms_are_accepted(
    path: str, value: Any, problems: Callable[[Json], list[str]]
) -> None:
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text())
    if path.startswith("corpus"):
        values = merged(values, "corpus.configMap", "my-corpus")
    assert problems(merged(values, path, value)) == []


def every_leaf(values: Json, path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value and "." not in "".join(value):
            yield from every_leaf(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


@pytest.mark.parametrize(
    ("low", "high"), [(0, 64), (1, 65_535), (1, 10**9), (16, 10**9), (0, 600), (7, 7), (100, 1000)]
)
def test_an_integer_as_text_is_accepted_within_its_bounds_alone(low: int, high: int) -> None:
    pattern = re.compile(chart_forms.whole(low, high))
    for number in (*range(1200), 9_999, 10_000, 65_535, 65_536, 99_999, 1_000_000):
        assert bool(pattern.fullmatch(str(number))) == (low <= number <= high), number
    assert not pattern.fullmatch("-1")


@pytest.mark.parametrize(
    ("low", "high", "is_open"),
    [
        (0, 1, ""), (0, 1, "low"), (0, 1, "high"), (0, 0.5, "low high"), (0, 0.5, "high"),
        (3, 10**9, ""), (0, 600, "low"), (1, 12, "high"), (-20, 20, ""),
    ],
)  # fmt: skip
def test_a_decimal_as_text_is_accepted_within_its_bounds_alone(low: float, high: float, is_open: str) -> None:
    pattern = re.compile(chart_forms.decimal(low, high, "low" in is_open, "high" in is_open))
    numbers = (
        "0",
        "0.",
        ".0",
        "00.00",
        "1.",
        ".5",
        "01",
        "1.0000",
        "1.0001",
        "0.500",
        "0.50001",
        "0.04",
        "1000000000.5",
    )
    for text in (
        *numbers,
        *(f"{hundredths / 100:.2f}" for hundredths in (*range(-2100, 1300), *range(59_990, 60_010))),
    ):
        number = float(text)
        expected = (low < number if "low" in is_open else low <= number) and (
            number < high if "high" in is_open else number <= high
        )
        assert bool(pattern.fullmatch(text)) == expected, text
    for text in ("", ".", "-", "1e3", "1,5", "NaN", "--1"):
        assert not pattern.fullmatch(text), text


TOGETHER = [
    ("api.autoscaling.min=9", "api.autoscaling.min is 9, above api.autoscaling.max, which is 6"),
    ("api.url=http://bot", "api.url is set, with api.enabled=true"),
    ("mlflow.url=http://mlflow:65536", "mlflow.url is set, with mlflow.enabled=true"),
    ("api.handoff.url=http://desk:0/hook", "api.handoff.url has port 0: a port is from 1 to 65535"),
    ("pushgateway.url=http://gateway", "pushgateway.url is set, with pushgateway.enabled=true"),
    ("store.endpoint=http://s3", "store.endpoint is set, with minio.enabled=true"),
    (
        "store.podIdentity=true",
        "store.podIdentity is true, with minio.enabled=true: MinIO does not support pod identities; set minio",
    ),
    (
        "api.resources.requests.cpu=2",
        "api.resources.requests.cpu is 2, above api.resources.limits.cpu, which is 1",
    ),
    (
        "driftCheck.actResources.requests.memory=1Gi",
        "driftCheck.actResources.requests.memory is 1Gi, above",
    ),
    (
        "mlflow.backend=sqlite://a,mlflow.backendSecret=b",
        "mlflow.backend and mlflow.backendSecret are both set",
    ),
    (
        "staffPages.existingSecret=a,staffPages.oidcSecret=b",
        "staffPages.existingSecret and staffPages.oidc",
    ),
    ("fullnameOverride=Support_Bot", "Support_Bot is not a valid name for a Service"),
    ("api.settings.CHATBOT_UPLOAD_QUEUE_MB=4000", "stored there add up to 5088 MB"),
    ("mlflow.url=http://mlflow:65536", "mlflow.url has port 65536: a port is from 1 to 65535"),
    ("api.apiKeys.clientSecret=a", "api.apiKeys.existingSecret is empty"),
    (
        r"pod.annotations.support-chatbot/model-version=nine",
        "pod.annotations has support-chatbot/model-version",
    ),
    (r"api.pod.annotations.support-chatbot/x=nine", "api.pod.annotations has support-chatbot/x"),
    (r"pod.labels.app\.kubernetes\.io/instance=a", "pod.labels has app.kubernetes.io/instance"),
    (
        r"retrain.pod.labels.app\.kubernetes\.io/component=a",
        "retrain.pod.labels has app.kubernetes.io/component",
    ),
    (
        "api.settings.CHATBOT_UPLAOD_PART_ROWS=5",
        "api.settings has CHATBOT_UPLAOD_PART_ROWS, which is not a setting: did you mean CHATBOT_UPLOAD_PART_ROWS?",
    ),
    ("staffPages.settings.CHATBOT_WORKRES=5", "is not a setting: did you mean CHATBOT_WORKERS?"),
    (
        "mlflow.settings.CHATBOT_XYZ=5",
        "mlflow.settings has CHATBOT_XYZ, which is not a setting: see docs",
    ),
    (
        "pod.extraEnv[0].name=CHATBOT_LOGKEEP",
        "pod.extraEnv has CHATBOT_LOGKEEP, which is not a setting: did you mean CHATBOT_LOG_KEEP?",
    ),
    (
        "api.pod.extraEnv[0].name=CHATBOT_PROT",
        "api.pod.extraEnv has CHATBOT_PROT, which is not a setting",
    ),
    (
        "api.settings.CHATBOT_HANDOFF_RETRY_SECONDS=400",
        "CHATBOT_HANDOFF_RETRY_SECONDS=400, above CHATBOT_HANDOFF_MAX_BACKOFF_SECONDS=300",
    ),
    (
        "api.settings.CHATBOT_HANDOFF_TURNS=25",
        "CHATBOT_HANDOFF_TURNS=25 times CHATBOT_HANDOFF_SESSION_MINUTES=60, above a day (1440 minutes)",
    ),
    (
        "retrain.settings.CHATBOT_K8S_WATCH_SECONDS=21000",
        "retrain.deadlineSeconds is 21600, and a rollout with its analysis alone may take 21900 s",
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
]
"""Values, each with the contradiction that Helm names; none hides another."""
ALL_BUT_RETRAIN = ",".join(
    f"store.existingSecrets.{c}=a" for c in ("api", "drift", "upkeep", "staff", "mlflow")
)
"""Keys of the clients of the store; the retraining's key is the bootstrap's too, which registers version 1."""


@pytest.mark.process
@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("api.enabled=false", "api.url is empty, with api.enabled=false"),
        (
            "api.enabled=false,api.url=http://bot",
            "retrain.enabled is true, with api.enabled=false: a retraining rolls its version out",
        ),
        ("mlflow.enabled=false", "mlflow.url is empty, with mlflow.enabled=false"),
        (
            "minio.enabled=false,store.existingSecret=a,store.accessKey=b,store.secretKey=c",
            "store.accessKey and store.existingSecret are both set",
        ),
        ("store.accessKey=a,store.secretKey=b", "store.accessKey is set, with minio.enabled=true"),
        ("minio.enabled=false,store.accessKey=A", "store.secretKey is empty"),
        ("minio.enabled=false,store.secretKey=A", "store.accessKey is empty"),
        ("store.podIdentity=true,store.existingSecret=a", "store.podIdentity is true, and store has keys"),
        ("minio.enabled=false", "store.existingSecret is empty, with minio.enabled=false: api, drift,"),
        (
            f"retrain.enabled=false,minio.enabled=false,{ALL_BUT_RETRAIN}",
            "minio.enabled=false: retrain need a key",
        ),
        ("minio.enabled=false,store.existingSecrets.api=a", "minio.enabled=false: drift, mlflow, retrain,"),
        ("chatPage.route.enabled=true", "chatPage.route.parents is empty"),
        (
            "api.spoolSize=300Mi",
            "api.spoolSize is 300Mi, and the data that may be stored there add up to 1344 MB",
        ),
        ("api.pod.extraEnv[0].name=CHATBOT_MODEL,api.pod.extraEnv[0].value=a", "api has CHATBOT_MODEL"),
        ("pod.extraEnv[0].name=CHATBOT_MODEL,pod.extraEnv[0].value=a", "api has CHATBOT_MODEL"),
    ],
)
def test_contradictory_values_are_refused_with_their_paths(values: str, problem: str) -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render("--set", values)
    assert problem in str(refused.value)


@pytest.mark.process
def test_contradictions_of_different_values_are_each_named() -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render(*(f"--set={values}" for values, _ in TOGETHER))
    assert [problem for _, problem in TOGETHER if problem not in str(refused.value)] == []


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
        parts = parsed(chart.render(release=release, namespace=namespace))
        return {p["metadata"]["name"] for p in parts if p["kind"].startswith("ValidatingAdmission")}

    one, other = names("b-c", "a"), names("c", "a-b")
    assert one
    assert other
    assert not one & other
