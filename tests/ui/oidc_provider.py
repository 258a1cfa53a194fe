"""An OpenID Connect provider that lets everybody in as `email`, for tests: discovery, authorization code, RS256."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.http_server import LoopbackServer

CLIENT, SECRET = "staff-pages", "the provider knows it too"
COOKIE_SECRET = "a cookie secret of some length"


@dataclass
class Provider(LoopbackServer):
    """Listens on a free port."""

    email: str = "ada@example.org"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "test", "use": "sig"}))
    nonces: dict[str, str] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims of the id token that replace the right ones."""
    signed_by: RSAKey | None = None
    """Another key that signs the id token; `unsigned` makes one without a signature ("alg": "none")."""
    unsigned: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = provider.get(self.path)
                self._answer(status, headers, body)

            def do_POST(self) -> None:
                asked = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                self._answer(200, {}, provider.token(asked["code"][0]))

            def _answer(self, status: int, headers: dict[str, str], body: Any) -> None:
                self.send_response(status)
                for name, value in ({"content-type": "application/json"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def secrets(self, page_url: str) -> str:
        """Streamlit's secrets.toml for a page."""
        return (
            "[auth]\n"
            f'redirect_uri = "{page_url}/oauth2callback"\n'
            f'cookie_secret = "{COOKIE_SECRET}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{self.url}/.well-known/openid-configuration"\n'
        )

    def get(self, path: str) -> tuple[int, dict[str, str], Any]:
        parts = urlsplit(path)
        if parts.path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            found: dict[str, Any] = {name: f"{self.url}/{place}" for name, place in places.items()}
            return 200, {}, found | {
                "issuer": self.url, "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
            }  # fmt: skip
        if parts.path == "/jwks":
            return 200, {}, {"keys": [self.key.as_dict(private=False)]}
        asked = parse_qs(parts.query)
        code = f"code-{len(self.nonces)}"
        self.nonces[code] = asked.get("nonce", [""])[0]
        back = urlencode({"code": code, "state": asked["state"][0]})
        return 302, {"location": f"{asked['redirect_uri'][0]}?{back}"}, {}

    def token(self, code: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": self.email, "iat": now, "exp": now + 600,
            "nonce": self.nonces[code], "email": self.email, "email_verified": True, "name": "Somebody",
        } | self.claims  # fmt: skip
        token = jwt.encode({"alg": "RS256", "kid": "test"}, claims, self.signed_by or self.key)
        if self.unsigned:
            header = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
            token = f"{header}.{token.split('.')[1]}."
        return {"access_token": "unused", "token_type": "Bearer", "expires_in": 600, "id_token": token}
