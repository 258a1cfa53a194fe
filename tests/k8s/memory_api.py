"""Simulates a cluster, a registry and a Pushgateway in memory, with a clock that advances only when a process waits.

Everything that `k8s` reaches through `chatbot.runtime` ends here: requests as the client library and urllib send them,
and responses as the real servers return them. The tests marked `integration` in this folder use the real servers. The
simulation implements these rules of the API server:

- a change gets a new resourceVersion, a no-op does not; a request with an outdated resourceVersion is refused with 409;
- a Deployment's generation grows with its spec and with its annotations, and its status lags behind;
- the controller copies the Deployment's annotations to the ReplicaSet, and `kubectl rollout undo` copies them back.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from io import BytesIO
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import parse_qsl, unquote, urlsplit
from urllib.request import Request

from prometheus_client.parser import text_string_to_metric_families
from urllib3.exceptions import ProtocolError

from chatbot.runtime import Runtime

Json = dict[str, Any]
A = TypeVar("A")
B = TypeVar("B")
NAMESPACE = "here"
DEPLOYMENT = "support-chatbot-api"
LEASES = ("support-chatbot-promote", "support-chatbot-trigger")
MODEL_ANNOTATION = "support-chatbot/model-version"
STATE_ANNOTATION = "support-chatbot/promotion"
BLOCKED_ANNOTATION = "support-chatbot/taken-back"
REVISION_ANNOTATION = "deployment.kubernetes.io/revision"
HASH_LABEL = "pod-template-hash"
IMAGE_DIGEST = "0" * 64
HOST = "http://api.test"
BOUNDS = (0.005, 0.05, 0.2, 1.0)


def digest(number: int) -> str:
    return f"{number:x}" * 64


def ref(number: int) -> str:
    return f"{number}@{digest(number)}"


class Killed(BaseException):
    """Ends the process at once: nothing else runs, not even a `finally` block that sends a request."""


class ErrorResponse(Exception):
    """Raised by a hook: the server answers with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True)
class Call:
    """One request of a process.

    Attributes:
        number: sequence number within the process, from 1.
        server: `api`, `mlflow`, `gateway` or `pod`.
        what: at the API server `<resource>` or `<resource>/<name>`, otherwise the path.
        is_watch: whether the response is a stream.
    """

    number: int
    server: str
    method: str
    what: str
    is_watch: bool = False
    body: Json | None = None

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    def __str__(self) -> str:
        return f"{self.number} {self.server} {self.method} {self.what}"


Hook = Callable[[Call], None]


class Clock:
    """Simulated clock: advances when a process waits, and runs the actions that become due."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.began = datetime(2026, 1, 1, tzinfo=UTC)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()

    def at(self, seconds: float, action: Callable[[], None]) -> None:
        """Schedule an action this many seconds from now."""
        heapq.heappush(self._due, (self.seconds + seconds, next(self._number), action))

    def advance(self, seconds: float) -> None:
        until = self.seconds + seconds
        while self.step(until):
            pass

    def step(self, until: float) -> bool:
        """Advance to the next due action and run it; False: none is due before `until`, and the clock stands there."""
        if self._due and self._due[0][0] <= until:
            when, _, action = heapq.heappop(self._due)
            self.seconds = max(self.seconds, when)
            action()
            return True
        self.seconds = max(self.seconds, until)
        return False


class Process(Runtime):
    """Runtime of one simulated process: counts its requests and calls hooks before and after each of them.

    Attributes:
        skew: seconds by which its clock is ahead of the others.
        broken_after: its first watch breaks after this many chunks.
        before, after: hooks for every request; may raise `Killed` (through `kill`), `ErrorResponse` or `OSError`.
    """

    def __init__(self, world: World, skew: float = 0.0) -> None:
        self.world = world
        self.skew = skew
        self.number = next(world.numbers)
        self.calls: list[Call] = []
        self.before: list[Hook] = []
        self.after: list[Hook] = []
        self.is_dead = False
        self.is_suspended = False
        self.broken_after: int | None = None

    @property
    def holder(self) -> str:
        return f"process-{self.number}"

    def kill(self) -> None:
        self.is_dead = True
        raise Killed

    def now(self) -> datetime:
        return self.world.clock.began + timedelta(seconds=self.world.clock.seconds + self.skew)

    def monotonic(self) -> float:
        return self.world.clock.seconds + self.skew

    def sleep(self, seconds: float) -> None:
        self._check_alive()
        self.world.clock.advance(seconds)
        self._check_alive()

    def run_periodically(self, seconds: float, action: Callable[[], bool], name: str) -> Callable[[], None]:
        stopped: list[bool] = []

        def repeat() -> None:
            if not (stopped or self.is_dead) and (self.is_suspended or action()):
                self.world.clock.at(seconds, repeat)

        self.world.clock.at(seconds, repeat)
        return lambda: stopped.append(True)

    def map_concurrently(self, action: Callable[[A], B], items: Iterable[A]) -> list[B]:
        return [action(item) for item in items]

    def fetch(self, request: Request, seconds: float, tls: ssl.SSLContext | None = None) -> bytes:
        parts = urlsplit(request.full_url)
        server = self.world.servers.get(parts.hostname or "", self.world.pod)
        body = request.data if isinstance(request.data, bytes) else b""
        name = str(parts.hostname) if parts.hostname in self.world.servers else "pod"
        try:
            return self._dispatch(
                name,
                request.get_method(),
                parts.path,
                lambda: server(request.get_method(), parts.hostname or "", parts.path, parts.query, body),
            )
        except ErrorResponse as error:
            raise HTTPError(
                request.full_url, error.status, "refused", Message(), BytesIO(b"as the test said")
            ) from None

    def request(self, pool: Any, method: str, url: str, **options: Any) -> Any:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        path = parts.path.split("/")
        place = path.index("namespaces") + 2
        what = "/".join(path[place:])
        body = json.loads(options["body"]) if options["body"] else None
        watch = "watch" in query
        try:
            answer = self._dispatch(
                "api",
                method,
                what,
                lambda: self.world.api.handle(method, what, query, body, options["headers"]),
                watch,
                body,
            )
        except ErrorResponse as error:
            return Response(error.status, {"message": "as the test said"})
        except OSError as error:
            raise ProtocolError(str(error)) from error
        if watch and self.broken_after is not None:
            answer.break_after(self.broken_after)
            self.broken_after = None
        return answer

    def _dispatch(
        self,
        server: str,
        method: str,
        what: str,
        handler: Callable[[], Any],
        is_watch: bool = False,
        body: Json | None = None,
    ) -> Any:
        self._check_alive()
        call = Call(len(self.calls) + 1, server, method, what, is_watch, body)
        self.calls.append(call)
        for hook in self.before:
            hook(call)
        answer = handler()
        for hook in self.after:
            hook(call)
        return answer

    def _check_alive(self) -> None:
        if self.is_dead:
            raise Killed


class Response:
    """Response in urllib3's form."""

    def __init__(self, status: int, content: Json, stream: Iterator[bytes] | None = None) -> None:
        self.status = status
        self.reason = ""
        self.data = json.dumps(content).encode()
        self._stream = stream

    def stream(self, amt: int | None = None) -> Iterator[bytes]:
        assert self._stream is not None
        return self._stream

    def break_after(self, pieces: int) -> None:
        """Break the connection after this many chunks."""
        whole = self._stream

        def broken() -> Iterator[bytes]:
            assert whole is not None
            yield from itertools.islice(whole, pieces)
            raise ProtocolError("the connection broke")

        self._stream = broken()

    def close(self) -> None:
        pass


def merge(target: Json, patch: Json) -> Json:
    """Apply a JSON merge patch (RFC 7386)."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            before = result.get(key)
            result[key] = merge(before if isinstance(before, dict) else {}, value)
        else:
            result[key] = value
    return result


class ApiServer:
    """Stores objects by resource and name, with optimistic concurrency and denied permissions."""

    def __init__(self, clock: Clock) -> None:
        self.objects: dict[tuple[str, str], Json] = {}
        self.denied: set[tuple[str, str]] = set()
        """Pairs of verb and resource."""
        self.changed: list[Callable[[str, str], None]] = []
        """Called with the resource and the name of every changed object."""
        self._clock = clock
        self._version = itertools.count(1)

    def handle(
        self, method: str, what: str, query: dict[str, str], body: Json | None, headers: dict[str, str]
    ) -> Response:
        resource, _, name = what.partition("/")
        verbs = {
            "GET": "watch" if "watch" in query else "get" if name else "list",
            "POST": "create",
            "PUT": "update",
            "PATCH": "patch",
        }
        verb = verbs[method]
        if (verb, resource) in self.denied:
            message = (
                f'{resource} is forbidden: User "test" cannot {verb} resource "{resource}" in API group ""'
            )
            return Response(403, {"message": message})
        match verb:
            case "watch":
                selected = query["fieldSelector"].removeprefix("metadata.name=")
                return Response(200, {}, self._watch(resource, selected, float(query["timeoutSeconds"])))
            case "list":
                return Response(200, {"items": self.list(resource, query.get("labelSelector", ""))})
            case "create":
                assert body is not None
                name = body["metadata"]["name"]
                if (resource, name) in self.objects:
                    return Response(409, {"message": f'{resource} "{name}" already exists'})
                return Response(201, self.put(resource, body))
        name = name.removesuffix("/scale")
        before = self.objects.get((resource, name))
        if before is None:
            return Response(404, {"message": f'{resource} "{name}" not found'})
        if verb == "get":
            return Response(200, before)
        assert body is not None
        expected = body.get("metadata", {}).get("resourceVersion")
        if expected not in (None, before["metadata"]["resourceVersion"]):
            return Response(409, {"message": f'Operation cannot be fulfilled on {resource} "{name}"'})
        if verb == "patch":
            assert headers["Content-Type"] == "application/merge-patch+json"
        return Response(200, self.put(resource, merge(before, body) if verb == "patch" else body))

    def put(self, resource: str, content: Json) -> Json:
        """Store an object unconditionally; an unchanged object gets no new resourceVersion."""
        name = content["metadata"]["name"]
        before = self.objects.get((resource, name))
        after = _copy(content)
        metadata = after["metadata"]
        if before is None:
            metadata |= {
                "namespace": NAMESPACE,
                "uid": f"uid-{resource}-{name}-{next(self._version)}",
                "generation": 1,
            }
        else:
            metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
            if after == before:
                return _copy(before)
            if _generation_fields(after) != _generation_fields(before):
                metadata["generation"] = before["metadata"]["generation"] + 1
        metadata["resourceVersion"] = str(next(self._version))
        self.objects[resource, name] = after
        for changed in self.changed:
            changed(resource, name)
        return _copy(after)

    def get(self, resource: str, name: str) -> Json:
        return _copy(self.objects[resource, name])

    def patch(self, resource: str, name: str, patch: Json) -> None:
        """Apply a change by another client."""
        self.put(resource, merge(self.get(resource, name), patch))

    def delete(self, resource: str, name: str) -> None:
        del self.objects[resource, name]
        for changed in self.changed:
            changed(resource, name)

    def list(self, resource: str, selector: str = "") -> list[Json]:
        selected = dict(pair.split("=") for pair in selector.split(",") if pair)
        return [
            content
            for (of, _), content in self.objects.items()
            if of == resource and selected.items() <= (content["metadata"].get("labels") or {}).items()
        ]

    def _watch(self, resource: str, name: str, seconds: float) -> Iterator[bytes]:
        until = self._clock.seconds + seconds
        kind, seen = "ADDED", ""
        while True:
            content = self.objects.get((resource, name))
            if content is not None and content["metadata"]["resourceVersion"] != seen:
                seen = content["metadata"]["resourceVersion"]
                line = json.dumps({"type": kind, "object": content}).encode() + b"\n"
                # Chunks do not align with lines: split the line in two.
                yield line[:40]
                yield line[40:]
                kind = "MODIFIED"
            if not self._clock.step(until):
                return


def _copy(content: Json) -> Json:
    return dict(json.loads(json.dumps(content)))


def _generation_fields(content: Json) -> Any:
    """Return the fields whose change increments the generation."""
    return content.get("spec"), content["metadata"].get("annotations")


@dataclass(frozen=True)
class Behaviour:
    """Faults of a bundle.

    Attributes:
        start: seconds until its pods are ready.
        ready: whether its pods become ready.
        exit: its container exits with this message.
        failed, slow, handoffs, negative: shares of messages.
        serves: its pods report this digest instead.
        unresponsive: its pods do not answer.
    """

    start: float = 0.5
    ready: bool = True
    exit: str = ""
    failed: float = 0.0
    slow: float = 0.0
    handoffs: float = 0.1
    negative: float = 0.1
    serves: str = ""
    unresponsive: bool = False


class Controller:
    """Controller of one Deployment: ReplicaSets with revisions, pods replaced one by one, a status that lags behind."""

    def __init__(self, world: World, lag: float, stale: float) -> None:
        self.world = world
        self.lag = lag
        self.stale = stale
        self.made = 0.0
        self.progressed = 0.0
        self.stuck = False
        """Whether its pods do not end."""
        self._is_due = False
        self._number = itertools.count(1)
        world.api.changed.append(self._changed)

    def _changed(self, resource: str, name: str) -> None:
        if resource == "deployments":
            self.soon()

    def soon(self, seconds: float | None = None) -> None:
        if seconds is not None:
            self.world.clock.at(seconds, self.sync)
        elif not self._is_due:
            self._is_due = True
            self.world.clock.at(self.lag, self.sync)

    def sync(self) -> None:
        self._is_due = False
        api, now = self.world.api, self.world.clock.seconds
        deployment = api.get("deployments", DEPLOYMENT)
        current = self._current(deployment)
        revision = current["metadata"]["annotations"][REVISION_ANNOTATION]
        if deployment["metadata"]["annotations"].get(REVISION_ANNOTATION) != revision:
            api.patch(
                "deployments", DEPLOYMENT, {"metadata": {"annotations": {REVISION_ANNOTATION: revision}}}
            )
            deployment = api.get("deployments", DEPLOYMENT)
        hash_ = current["metadata"]["labels"][HASH_LABEL]
        desired = deployment["spec"]["replicas"]
        pods = [p for p in api.list("pods") if not p["metadata"].get("deletionTimestamp")]
        new = [p for p in pods if p["metadata"]["labels"][HASH_LABEL] == hash_]
        old = [p for p in pods if p["metadata"]["labels"][HASH_LABEL] != hash_]
        if len(new) < desired and len(pods) <= desired:
            self._start(current, deployment)
            self.soon()
        elif old and (sum(map(is_ready, pods)) > desired or not all(map(is_ready, old))):
            leaving = sorted(old, key=is_ready)[0]  # unready pods first
            self._stop(leaving["metadata"]["name"])
            self.soon()
        elif len(new) > desired and not self.stuck:
            self._stop(new[0]["metadata"]["name"])
            self.soon()
        pods = [p for p in api.list("pods") if not p["metadata"].get("deletionTimestamp")]
        new = [p for p in pods if p["metadata"]["labels"][HASH_LABEL] == hash_]
        available = sum(map(is_ready, new))
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(pods),
            "updatedReplicas": len(new),
            "availableReplicas": sum(map(is_ready, pods)),
        }
        before = deployment.get("status") or {}
        done = available == desired and len(pods) == desired
        counted = ("replicas", "updatedReplicas", "availableReplicas")
        if any(before.get(name) != status[name] for name in counted):
            self.progressed = now
        deadline = deployment["spec"]["progressDeadlineSeconds"]
        late = not done and now - self.progressed >= deadline
        if not done and not late:
            self.soon(deadline - (now - self.progressed))
        message = f'ReplicaSet "{current["metadata"]["name"]}" has timed out progressing.'
        reason = (
            "ProgressDeadlineExceeded" if late else "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"
        )
        status["conditions"] = [{"type": "Progressing", "reason": reason, "message": message if late else ""}]
        if now - self.made < self.stale:
            status["conditions"] = before.get("conditions") or []
            self.soon(self.stale)
        api.put("deployments", api.get("deployments", DEPLOYMENT) | {"status": status})

    def _current(self, deployment: Json) -> Json:
        """Return the ReplicaSet of the template, with the Deployment's annotations."""
        api = self.world.api
        template = _copy(deployment["spec"]["template"])
        if not template["metadata"].get("annotations"):  # absent equals empty
            template["metadata"].pop("annotations", None)
        hash_ = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
        name = f"{DEPLOYMENT}-{hash_}"
        sets = {s["metadata"]["name"]: s for s in api.list("replicasets")}
        revisions = {of: int(s["metadata"]["annotations"][REVISION_ANNOTATION]) for of, s in sets.items()}
        latest = max(revisions.values(), default=0)
        if latest == 0 or revisions.get(name) != latest:
            latest += 1
            self.progressed = self.made = self.world.clock.seconds
        labels = template["metadata"]["labels"] | {HASH_LABEL: hash_}
        owner = {"kind": "Deployment", "uid": deployment["metadata"]["uid"]}
        annotations = deployment["metadata"]["annotations"] | {REVISION_ANNOTATION: str(latest)}
        made = sets.get(name) or {
            "metadata": {"name": name, "labels": labels, "ownerReferences": [owner]},
            "spec": {"template": template},
        }
        return api.put("replicasets", made | {"metadata": made["metadata"] | {"annotations": annotations}})

    def _start(self, current: Json, deployment: Json) -> None:
        number = next(self._number)
        name = f"{current['metadata']['name']}-{number}"
        model = (deployment["spec"]["template"]["metadata"].get("annotations") or {}).get(
            MODEL_ANNOTATION, ""
        )
        behaviour = self.world.behaviour(model.partition("@")[2] or IMAGE_DIGEST)
        state: Json = {"running": {}}
        if behaviour.exit:
            ended = {"exitCode": 3, "message": f"a line that says nothing of it\n{behaviour.exit}\n"}
            state = {"waiting": {"reason": "CrashLoopBackOff"}}
        else:
            ended = {}
        container = {"name": "api", "ready": False, "state": state, "lastState": {"terminated": ended}}
        status = {
            "phase": "Running",
            "podIP": f"10.0.0.{number}",
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [container],
        }
        labels = current["metadata"]["labels"]
        self.world.api.put("pods", {"metadata": {"name": name, "labels": labels}, "status": status})
        self.world.pods[f"10.0.0.{number}"] = ServingPod(name, model)
        if behaviour.ready and not behaviour.exit:
            self.world.clock.at(behaviour.start, lambda: self.world.make_ready(name))

    def _stop(self, name: str) -> None:
        pod = self.world.api.get("pods", name)
        pod["metadata"]["deletionTimestamp"] = "now"
        self.world.api.put("pods", pod)
        self.world.clock.at(1.0, lambda: self.world.remove_pod(name))


def is_ready(pod: Json) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])


@dataclass
class ServingPod:
    """A pod's process: its model, and the time since which it counts messages."""

    pod: str
    model: str
    since: float | None = None


@dataclass
class Registry:
    """MLflow registry of one model: the digest of each version, and the aliases."""

    digests: dict[int, str]
    aliases: dict[str, str] = field(default_factory=dict)
    retrained: set[int] = field(default_factory=set)
    moves: list[str] = field(default_factory=list)
    """Every version that got the alias `champion`, in order, including repeated requests."""
    page: int = 3

    def handle(self, method: str, host: str, path: str, query: str, body: bytes) -> bytes:
        named: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True)) | json.loads(body or b"{}")
        match path.removeprefix("/api/2.0/mlflow/"):
            case "registered-models/get":
                aliases = [{"alias": a, "version": v} for a, v in self.aliases.items()]
                return _json({"registered_model": {"aliases": aliases}})
            case "registered-models/alias" if method == "POST":
                self._version(named["version"])
                self.aliases[named["alias"]] = named["version"]
                self.moves.append(named["version"])
                return b"{}"
            case "model-versions/get":
                return _json({"model_version": self._version(named["version"])})
            case "model-versions/search":
                first = int(named.get("page_token", 0))
                numbers = sorted(self.digests)
                page = [self._version(str(n)) for n in numbers[first : first + self.page]]
                rest = {"next_page_token": str(first + self.page)} if numbers[first + self.page :] else {}
                return _json({"model_versions": page} | rest)
        raise ErrorResponse(404)

    def _version(self, number: str) -> Json:
        if not number.isdecimal() or int(number) not in self.digests:
            raise ErrorResponse(404)
        tags = [{"key": "bundle_digest", "value": d} for d in [self.digests[int(number)]] if d]
        tags += [{"key": "gate_against", "value": IMAGE_DIGEST}] if int(number) in self.retrained else []
        return {"version": number, "tags": tags}


def _json(content: Json) -> bytes:
    return json.dumps(content).encode()


class Gateway:
    """Pushgateway: a push replaces the metric of that name in its group."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], dict[tuple[tuple[str, str], ...], float]] = {}

    def handle(self, method: str, host: str, path: str, query: str, body: bytes) -> bytes:
        assert method == "POST"
        parts = unquote(path).removeprefix("/metrics/").split("/")
        group = dict(zip(parts[::2], parts[1::2], strict=True))
        for family in text_string_to_metric_families(body.decode()):
            found = {tuple(sorted((s.labels | group).items())): s.value for s in family.samples}
            self.groups[path, family.name] = found
        return b""

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        return [
            (dict(labels), value)
            for (_, of), found in self.groups.items()
            if of == name
            for labels, value in found.items()
        ]


class World:
    """The simulated environment of the processes under test.

    Args:
        behaviours: faults by bundle digest; other bundles have none.
        lag: seconds until the Deployment's controller reacts.
        stale: seconds for which its conditions still describe the previous template.
        rate: messages per second that each ready pod receives.
    """

    def __init__(
        self,
        behaviours: dict[str, Behaviour] | None = None,
        replicas: int = 1,
        lag: float = 0.1,
        stale: float = 0.0,
        rate: float = 200,
    ) -> None:
        self.behaviours = behaviours or {}
        self.clock = Clock()
        self.numbers = itertools.count(1)
        self.api = ApiServer(self.clock)
        self.registry = Registry({n: digest(n if n > 1 else 0) for n in range(1, 10)}, {"champion": "1"})
        self.gateway = Gateway()
        self.pods: dict[str, ServingPod] = {}
        self.rate = rate
        self.servers = {"mlflow": self.registry.handle, "gateway": self.gateway.handle}
        for name in LEASES:
            self.api.put("leases", {"metadata": {"name": name}})
        labels = {"app.kubernetes.io/name": "api"}
        self.controller = Controller(self, lag, stale)
        self.api.put(
            "deployments",
            {
                "metadata": {"name": DEPLOYMENT, "annotations": {}},
                "spec": {
                    "replicas": replicas,
                    "progressDeadlineSeconds": 15,
                    "selector": {"matchLabels": labels},
                    "template": {"metadata": {"labels": labels}},
                },
            },
        )
        self.clock.advance(100)
        assert len(self.served) == replicas

    def process(self, skew: float = 0.0) -> Process:
        return Process(self, skew)

    def behaviour(self, of: str) -> Behaviour:
        return self.behaviours.get(of, Behaviour())

    # pods

    def make_ready(self, name: str) -> None:
        """Make a pod ready, unless it is deleted."""
        if ("pods", name) not in self.api.objects:
            return
        pod = self.api.get("pods", name)
        pod["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        pod["status"]["containerStatuses"][0]["ready"] = True
        self.api.put("pods", pod)
        self.pods[pod["status"]["podIP"]].since = self.clock.seconds
        self.controller.soon()

    def make_unready(self) -> None:
        """Make every pod unready."""
        for pod in self.api.list("pods"):
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
            pod["status"]["containerStatuses"][0]["ready"] = False
        self.controller.soon()

    def remove_pod(self, name: str) -> None:
        self.pods.pop(self.api.get("pods", name)["status"]["podIP"])
        self.api.delete("pods", name)

    def pod(self, method: str, host: str, path: str, query: str, body: bytes) -> bytes:
        """Answer /version and /metrics as the pod at this address."""
        served = self.pods.get(host)
        if served is None:
            raise OSError(f"no route to {host}")
        bundle = served.model.partition("@")[2] or IMAGE_DIGEST
        behaviour = self.behaviour(bundle)
        if behaviour.unresponsive:
            raise OSError("timed out")
        if path == "/version":
            return _json({"bundle_digest": behaviour.serves or bundle})
        seconds = 0.0 if served.since is None else self.clock.seconds - served.since
        total = int(seconds * self.rate)
        failed, slow = int(total * behaviour.failed), int(total * behaviour.slow)
        feedback = total // 2
        negative = int(feedback * behaviour.negative)
        lines = [
            f'chatbot_requests_total{{route="/chat",status="200"}} {total - failed}',
            f'chatbot_requests_total{{route="/chat",status="503"}} {failed}',
            *(
                f'chatbot_request_duration_seconds_bucket{{route="/chat",le="{b}"}} '
                f"{total - slow if b < 0.2 else total}"
                for b in BOUNDS
            ),
            f'chatbot_request_duration_seconds_bucket{{route="/chat",le="+Inf"}} {total}',
            f'chatbot_predictions_total{{intent="x",source="model"}} {total - failed}',
            f'chatbot_handoffs_total{{source="human"}} {int((total - failed) * behaviour.handoffs)}',
            f'chatbot_feedback_total{{helpful="yes"}} {feedback - negative}',
            f'chatbot_feedback_total{{helpful="no"}} {negative}',
        ]
        return "\n".join([*lines, ""]).encode()

    # actions by hand

    def rollout_undo(self) -> None:
        """Act as `kubectl rollout undo`: restore template and annotations of the previous ReplicaSet."""
        sets = sorted(
            self.api.list("replicasets"),
            key=lambda s: -int(s["metadata"]["annotations"][REVISION_ANNOTATION]),
        )
        before = sets[1]
        deployment = self.api.get("deployments", DEPLOYMENT)
        deployment["spec"]["template"] = before["spec"]["template"]
        revision = deployment["metadata"]["annotations"][REVISION_ANNOTATION]
        deployment["metadata"]["annotations"] = before["metadata"]["annotations"] | {
            REVISION_ANNOTATION: revision
        }
        self.api.put("deployments", deployment)

    def set_model(self, model: str) -> None:
        """Act as `kubectl patch`: set another model in the template; the rollout state is unchanged."""
        template = {"metadata": {"annotations": {MODEL_ANNOTATION: model or None}}}
        self.api.patch("deployments", DEPLOYMENT, {"spec": {"template": template}})

    def touch(self, resource: str = "deployments", name: str = DEPLOYMENT) -> None:
        """Apply an unrelated change."""
        note = {"metadata": {"annotations": {"note": str(next(self.numbers))}}}
        self.api.patch(resource, name, note)

    # results

    @property
    def desired_model(self) -> str:
        template = self.api.get("deployments", DEPLOYMENT)["spec"]["template"]["metadata"]
        return str((template.get("annotations") or {}).get(MODEL_ANNOTATION, ""))

    @property
    def annotations(self) -> dict[str, str]:
        return dict(self.api.get("deployments", DEPLOYMENT)["metadata"]["annotations"])

    @property
    def version(self) -> str:
        """Return the Deployment's resourceVersion."""
        return str(self.api.get("deployments", DEPLOYMENT)["metadata"]["resourceVersion"])

    @property
    def state(self) -> Json:
        return dict(json.loads(self.annotations.get(STATE_ANNOTATION, "{}")))

    @property
    def blocked(self) -> list[str]:
        return self.annotations.get(BLOCKED_ANNOTATION, "").split()

    @property
    def champion(self) -> str:
        return self.registry.aliases.get("champion", "")

    @property
    def served(self) -> list[str]:
        """Return the digests that the ready, non-terminating pods serve."""
        found = []
        for pod in self.api.list("pods"):
            if is_ready(pod) and not pod["metadata"].get("deletionTimestamp"):
                bundle = self.pods[pod["status"]["podIP"]].model.partition("@")[2] or IMAGE_DIGEST
                found.append(self.behaviour(bundle).serves or bundle)
        return found

    @property
    def events(self) -> Counter[str]:
        return Counter(event["reason"] for event in self.api.list("events"))

    def message(self, reason: str) -> str:
        """Return the message of the only Event with this reason."""
        (found,) = [e["message"] for e in self.api.list("events") if e["reason"] == reason]
        return str(found)

    def holder(self, lease: str = LEASES[0]) -> str:
        return str((self.api.get("leases", lease).get("spec") or {}).get("holderIdentity", ""))
