"""An OpenID Connect provider that lets everybody in as `email`, for tests: discovery, authorization code, RS256."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.http_server import LoopbackServer, Request, Response, json_response

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

    def respond(self, request: Request) -> Response:
        if request.method == "POST":
            return json_response(self.token(parse_qs(request.body.decode())["code"][0]))
        status, headers, body = self.get(request.path)
        return json_response(body, status, headers)

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
