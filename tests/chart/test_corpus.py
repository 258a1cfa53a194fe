"""A corpus of the operator's, without an image build: what the chart renders for it, and what it refuses."""

from __future__ import annotations

import json

import pytest

from tests.chart.conftest import Json, Render, notes
from tools.generate import chart

pytestmark = pytest.mark.process

MAP = ("--set", "corpus.configMap=mine,corpus.path=my_messages.csv.gz,corpus.replies=replies.yaml")
CLAIM = ("--set", "corpus.existingClaim=mine,corpus.path=exports/bot")
KEY = ("--set", "corpus.storeKey=corpora/mine.zip,corpus.replies=corpora/replies.csv")


def job(objects: list[Json]) -> Json:
    found = [o for o in objects if o["kind"] == "Job" and "-bootstrap-" in o["metadata"]["name"]]
    assert len(found) == 1
    spec: Json = found[0]["spec"]["template"]["spec"]
    return spec


def container(spec: Json, name: str) -> Json:
    return next(c for c in [*spec["initContainers"], *spec["containers"]] if c["name"] == name)


@pytest.mark.parametrize(
    ("arguments", "source", "replies", "volume"),
    [
        (MAP, "/corpus/my_messages.csv.gz", "--replies=/corpus/replies.yaml", {"configMap": {"name": "mine"}}),
        (CLAIM, "/corpus/exports/bot", None, {"persistentVolumeClaim": {"claimName": "mine", "readOnly": True}}),
        (KEY, "store:corpora/mine.zip", "--replies=store:corpora/replies.csv", None),
    ],
    ids=["ConfigMap", "claim", "store"],
)  # fmt: skip
def test_the_bootstrap_job_trains_the_corpus_where_it_is(
    render: Render, arguments: tuple[str, ...], source: str, replies: str | None, volume: Json | None
) -> None:
    spec = job(render(*arguments))
    train = container(spec, "train")
    assert train["command"][:5] == ["python", "-m", "training.retrain", "--from", source]
    assert [a for a in train["args"] if a.startswith("--replies")] == ([replies] if replies else [])
    assert [
        {k: v for k, v in o.items() if k != "name"} for o in spec["volumes"] if o["name"] == "corpus"
    ] == ([volume] if volume else [])
    assert [m["mountPath"] for m in train["volumeMounts"] if m["name"] == "corpus"] == (
        ["/corpus"] if volume else []
    )
    assert not [c for c in spec["initContainers"] if c["name"] == "bundle"], (
        "the image's bundle is of another corpus"
    )


def test_the_first_version_is_rolled_out_by_the_bootstrap_job_with_a_retrainings_rights(
    render: Render,
) -> None:
    objects = render(*MAP)
    promote = container(job(objects), "promote")
    assert promote["command"] == ["python", "-m", "k8s.promote"]
    train = container(job(objects), "train")
    assert train["command"][-1] in [e.get("value") for e in promote["env"]], (
        "it reads what the training wrote"
    )
    watch = {e["name"] for e in promote["env"] if "WATCH" in e["name"]}
    assert not watch, "it may resume a rollout over a version that serves, whose analysis is the usual one"
    binding = next(o for o in objects if o["kind"] == "RoleBinding" and "rollout" in o["metadata"]["name"])
    assert binding["roleRef"]["name"].endswith("-retrain")
    assert [s["name"] for s in binding["subjects"]] == [job(objects)["serviceAccountName"]]


def test_until_then_no_pod_serves_the_bundle_of_the_image(render: Render) -> None:
    def waits(*arguments: str) -> list[Json]:
        api = next(
            o
            for o in render(*arguments)
            if o["kind"] == "Deployment" and o["metadata"]["name"].endswith("-api")
        )
        found: list[Json] = api["spec"]["template"]["spec"].get("initContainers", [])
        return found

    (wait,) = waits(*MAP)
    assert 'CHATBOT_MODEL" ] && exit 0' in wait["args"][0]
    assert "model-version" in json.dumps(wait["env"])
    assert waits() == []


def test_the_bootstrap_pod_reaches_what_a_rollout_needs(render: Render) -> None:
    def flows(*arguments: str) -> set[str]:
        return {
            o["metadata"]["name"].removeprefix(f"{chart.RELEASE}-")
            for o in render(*arguments)
            if o["kind"] == "NetworkPolicy" and '"bootstrap"' in json.dumps(o["spec"].get("podSelector"))
        }

    assert flows(*MAP) == flows()
    assert flows() - flows("--set", "retrain.enabled=false") == {"jobs-to-api-out", "jobs-to-pushgateway-out"}


@pytest.mark.parametrize("without", ["bootstrap.register=false", "retrain.enabled=false"])
def test_without_a_corpus_a_champion_of_an_earlier_installation_is_set(render: Render, without: str) -> None:
    """It is in MLflow's volume, and the annotation that named it went with the Deployment."""
    objects = render()
    register, promote = (container(job(objects), name) for name in ("register", "promote"))
    assert register["command"][-1] in [e.get("value") for e in promote["env"]]
    assert [o for o in objects if o["metadata"]["name"].endswith("bootstrap-rollout")]
    reduced = render("--set", without)
    assert [c["name"] for c in job(reduced)["containers"]] == ["done"]
    assert not [o for o in reduced if o["metadata"]["name"].endswith("bootstrap-rollout")]


def test_retrainings_are_the_same_with_a_corpus_as_without(render: Render) -> None:
    """They start from the corpus that the champion's version points at."""

    def template(*arguments: str) -> Json:
        found: Json = next(
            o["spec"]
            for o in render(*arguments)
            if o["kind"] == "CronJob" and o["metadata"]["name"].endswith("retrain")
        )
        return found

    assert template(*MAP) == template()


def test_the_notes_say_that_it_is_trained_first_and_where_the_report_is() -> None:
    said = notes(*MAP)
    assert "/corpus/my_messages.csv.gz is trained first" in said
    assert "-c train" in said
    assert "trained first" not in notes()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("corpus.configMap=a,corpus.existingClaim=b,corpus.path=x.csv", "configMap and corpus.existingClaim are set"),
        ("corpus.configMap=a,corpus.path=x.csv,corpus.storeKey=corpora/x.csv", "configMap and corpus.storeKey are set"),
        ("corpus.existingClaim=a,corpus.path=x.csv,corpus.storeKey=corpora/x.csv", "existingClaim and corpus.storeKey"),
        ("corpus.configMap=a", "corpus.path is empty, with corpus.configMap"),
        ("corpus.configMap=a,corpus.path=exports/x.csv", "corpus.path is exports/x.csv, with corpus.configMap: a key"),
        ("corpus.configMap=a,corpus.path=x.csv,corpus.replies=my r.csv", "corpus.replies is my r.csv, with"),
        ("corpus.storeKey=corpora/x.csv,corpus.path=x.csv", "corpus.path is set, without corpus.configMap"),
        ("corpus.path=x.csv", "corpus.path is set, without corpus.configMap"),
        ("corpus.replies=x.yaml", "corpus.replies is set, without a corpus"),
        ("corpus.intentColumn=label", "corpus.intentColumn is set, without a corpus"),
        ("corpus.storeKey=mine.csv", "at '/corpus/storeKey'"),
        ("corpus.existingClaim=a,corpus.path=/x.csv", "at '/corpus/path'"),
        ("corpus.storeKey=corpora/x.csv,bootstrap.enabled=false", "bootstrap.enabled is false, with corpus.storeKey"),
        ("corpus.storeKey=corpora/x.csv,bootstrap.register=false", "bootstrap.register is false, with corpus.storeKey"),
        ("corpus.storeKey=corpora/x.csv,api.enabled=false", "api.enabled is false, with corpus.storeKey"),
        ("corpus.storeKey=corpora/x.csv,retrain.enabled=false", "retrain.enabled is false, with corpus.storeKey"),
        ("corpus.storeKey=corpora/x.csv,mlflow.enabled=false", "mlflow.url is empty, with mlflow.enabled=false"),
    ],
)  # fmt: skip
def test_contradictory_settings_are_refused_with_the_value_that_is_wrong(values: str, problem: str) -> None:
    with pytest.raises(chart.ChartError) as refused:
        chart.render("--set", values)
    assert problem in str(refused.value)
