"""Requests made from the OpenAPI document, valid and invalid: never a 5xx, errors in the API's format."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attack.report import require
from tests.attack.target import Client, Target

ANY_TEXT = st.text(max_size=80)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY")
ROUTES = {
    "GET": ("/version", "/intents", "/openapi.json", "/livez", "/readyz", "/docs"),
    "POST": ("/chat", "/feedback"),
}


def check(target: Target) -> str:
    """Send `cases` requests."""
    # A development dependency of its own: hypothesis strategies for the JSON schemas of the document.
    from hypothesis_jsonschema import from_schema

    _, text = target.server.get("/openapi.json")
    document = json.loads(text)
    client, seen = Client(target.server.port), Counter[str]()
    failures: list[str] = []

    def send(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> int:
        status, kind, content = client.ask(method, path, body, headers)
        seen[f"{status // 100}xx"] += 1
        seen["requests"] += 1
        wrong = status == 0 or status >= 500
        if status >= 400 and method != "HEAD":
            wrong |= not (kind.startswith("application/json") and _is_error(content))
        if wrong:
            failures.append(
                f"{method} {path} {(body or b'')[:200]!r} {headers} -> {status} {content[:200]!r}"
            )
        return status

    def cases(count: int) -> settings:
        return settings(
            max_examples=count,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )

    share = max(10, target.scale.cases // 8)
    as_json = {"Content-Type": "application/json"}

    def post(path: str) -> None:
        operation = document["paths"][path]["post"]
        schema = _resolved(operation["requestBody"]["content"]["application/json"]["schema"], document)
        documented = {int(code) for code in operation["responses"] if code.isdigit()}

        @cases(2 * share)
        @given(from_schema(schema))
        def valid(body: Any) -> None:
            status = send("POST", path, _json(body), as_json)
            if status not in documented:
                failures.append(f"POST {path} {body!r} -> {status}, which is not documented")

        @cases(share)
        @given(ANY_JSON | st.fixed_dictionaries(dict.fromkeys(schema["properties"], ANY_JSON)))
        def invalid(body: Any) -> None:
            send("POST", path, _json(body), as_json)

        valid()
        invalid()

    for path in ROUTES["POST"]:
        post(path)

    @cases(share)
    @given(
        st.sampled_from(ROUTES["POST"]),
        st.binary(max_size=300),
        st.sampled_from(
            ("application/json", "text/plain", "application/json; charset=utf-16", "", "multipart/form-data")
        ),
        st.sampled_from(("", "gzip", "GZIP", "br", "identity", "deflate, gzip")),
    )
    def bytes_and_types(path: str, body: bytes, kind: str, encoding: str) -> None:
        headers = {"Content-Type": kind} | ({"Content-Encoding": encoding} if encoding else {})
        send("POST", path, body, headers)

    @cases(share)
    @given(
        st.sampled_from(METHODS),
        st.sampled_from((*ROUTES["GET"], *ROUTES["POST"], "/"))
        | ANY_TEXT.map(lambda t: "/" + quote(t, safe="/%?&")),
        ANY_TEXT.map(quote),
        st.dictionaries(
            st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,20}\Z"), st.from_regex(r"\A[!-~]{0,60}\Z"), max_size=3
        ),
    )
    def methods_and_paths(method: str, path: str, query: str, headers: dict[str, str]) -> None:
        framing = {"content-length", "transfer-encoding", "host", "connection", "expect", "upgrade"}
        kept = {name: value for name, value in headers.items() if name.lower() not in framing}
        send(method, f"{path}?{query}" if query else path, None, kept)

    bytes_and_types()
    methods_and_paths()
    require(not failures, f"{len(failures)} of {seen['requests']} requests, such as {failures[:3]}")
    require(seen["requests"] >= target.scale.cases, f"only {seen['requests']} requests were made")
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(seen.items()) if kind != "requests")
    return (
        f"{seen['requests']} requests from the OpenAPI document: {counts}; errors in the API's format, no 5xx"
    )


def _json(body: object) -> bytes:
    return json.dumps(body).encode()  # NaN and lone surrogates included


def _is_error(content: bytes) -> bool:
    try:
        return {"type", "message"} <= set(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return False


def _resolved(schema: Any, document: dict[str, Any]) -> Any:
    """Return a schema with its references replaced by what they name."""
    if isinstance(schema, list):
        return [_resolved(part, document) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if reference := schema.get("$ref"):
        found: Any = document
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        return _resolved(found, document)
    return {name: _resolved(part, document) for name, part in schema.items() if name != "examples"}
