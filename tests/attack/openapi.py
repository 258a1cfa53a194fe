"""Requests that schemathesis makes from the OpenAPI document, and others: never a 5xx, errors in the API's format."""

from __future__ import annotations

import json
from collections import Counter
from urllib.parse import quote

import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.attack.report import require
from tests.attack.target import Client, Target

ANY_TEXT = st.text(max_size=80)
CONFORMANCE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY")
ROUTES = {
    "GET": ("/version", "/intents", "/openapi.json", "/livez", "/readyz", "/docs"),
    "POST": ("/chat", "/feedback"),
}


def check(target: Target) -> str:
    """Send `cases` requests."""
    _, text = target.server.get("/openapi.json")
    document = json.loads(text)
    client, seen = Client(target.server.port), Counter[str]()
    failures: list[str] = []

    def send(method: str, path: str, body: bytes | None, headers: dict[str, str]) -> None:
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

    def cases(count: int) -> settings:
        return settings(
            max_examples=count,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )

    share = max(10, -(-target.scale.cases // 8))

    session = requests.Session()

    def documented(
        operation: schemathesis.APIOperation, mode: schemathesis.GenerationMode, count: int
    ) -> None:
        @cases(count)
        @given(operation.as_strategy(generation_mode=mode))
        def conforms(case: schemathesis.Case) -> None:
            response = case.call(base_url=target.server.url, session=session, timeout=30)
            seen[f"{response.status_code // 100}xx"] += 1
            seen["requests"] += 1
            try:
                case.validate_response(response, checks=CONFORMANCE)
            except AssertionError as error:
                failures.append(f"{operation.label}: {str(error)[:400]}")

        conforms()

    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        if operation.method.upper() == "POST":
            documented(operation, schemathesis.GenerationMode.POSITIVE, 2 * share)
            documented(operation, schemathesis.GenerationMode.NEGATIVE, share)
        else:
            documented(operation, schemathesis.GenerationMode.POSITIVE, 5)

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


def _is_error(content: bytes) -> bool:
    try:
        return {"type", "message"} <= set(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return False
