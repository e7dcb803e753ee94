"""An identity provider, as OpenID Connect has them, over HTTP on loopback: everybody is signed in without being asked.

It keeps the protocol's rules as far as a client can break them, and breaks its own where a test tells it to.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import httpx
from joserfc import jwk

from tests.fakes.issuer import signed
from tests.fakes.loopback import answering

CLIENT = "release-gateway"
SECRET = "s3cret of the client"


class FakeProvider:
    """Whom it vouches for, and how it behaves."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.keys: dict[str, jwk.Key] = {"first": jwk.RSAKey.generate_key(2048, auto_kid=False)}
        self.asked: list[dict[str, str]] = []
        """Authorization requests that came."""
        self.exchanged: list[dict[str, str]] = []
        self.behave()

    def behave(self) -> None:
        """Forget what was asked of it, and break no rule any more."""
        self.claims: dict[str, Any] = {"sub": "248289761001", "preferred_username": "alice", "name": "Alice A."}
        self.changed: dict[str, Any] = {}
        """Claims of the next ID tokens, over the right ones; None takes one out."""
        self.header: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        """Members of the metadata, over the right ones; None takes one out."""
        self.auth_time: int | None = None
        """When people last proved themselves; None: just now."""
        self.registered: set[str] | None = None
        """Where people may be sent back to; None: wherever the client says."""
        self.answer: dict[str, str] | None = None
        """Sent back in place of what belongs there."""
        self.token_answer: tuple[int, bytes, float] | None = None
        """Status, body and delay of the token endpoint, in place of the right ones."""
        self.id_token: str | None = None
        self.asked.clear()
        self.exchanged.clear()
        self._codes: dict[str, dict[str, str]] = {}

    @property
    def document(self) -> dict[str, Any]:
        """What it says of itself."""
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/end",
            "jwks_uri": f"{self.url}/jwks",
            "authorization_response_iss_parameter_supported": True,
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        } | self.metadata
        return {name: value for name, value in told.items() if value is not None}

    def authorized(self, asked: dict[str, str]) -> str:
        """Where somebody is sent back who was sent here with this."""
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = self.answer if self.answer is not None else {"code": code, "state": asked["state"], "iss": self.url}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """What is given for a code: once, to the client that proves itself, for the verifier that fits."""
        self.exchanged.append(form)
        asked = self._codes.pop(form.get("code", ""), None)
        scheme, _, encoded = authorization.partition(" ")
        proof = base64.b64decode(encoded).decode() if scheme == "Basic" else ""
        if tuple(map(unquote, proof.split(":"))) not in {(CLIENT, SECRET), (CLIENT, SECRET.replace(" ", "+"))}:
            return 401, {"error": "invalid_client"}
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        fits = asked is not None and challenge == asked["code_challenge"]
        if asked is None or not fits or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(16)
        told = {"access_token": access_token, "token_type": "Bearer", "expires_in": 60}
        id_token = self.id_token if self.id_token is not None else self.token(asked["nonce"], access_token)
        return 200, {**told, "id_token": id_token}

    def token(self, nonce: str, access_token: str = "") -> str:
        """An ID token by the newest key."""
        now = int(time.time())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        said = {
            **({"email_verified": True} if "email" in self.claims else {}),
            **self.claims,
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            "auth_time": now if self.auth_time is None else self.auth_time,
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
        } | self.changed
        name, key = list(self.keys.items())[-1]
        head = {"alg": "RS256", "kid": name, **self.header}
        return signed(head, {each: value for each, value in said.items() if value is not None}, key)

    def published(self) -> dict[str, Any]:
        """The public halves of its keys."""
        return {"keys": [{**key.as_dict(private=False), "kid": name, "use": "sig"} for name, key in self.keys.items()]}


@contextmanager
def an_identity_provider() -> Iterator[FakeProvider]:
    """One that answers for the length of the block."""
    provider: list[FakeProvider] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = provider[0]
            parts = urlsplit(self.path)
            asked = dict(parse_qsl(parts.query))
            if parts.path == "/authorize" and asked["redirect_uri"] not in (told.registered or asked.values()):
                self._send(400, b"<h1>invalid redirect_uri</h1>")
            elif parts.path == "/authorize":
                self._send(303, b"", {"location": told.authorized(asked)})
            elif parts.path == "/jwks":
                self._json(200, told.published())
            elif parts.path == "/userinfo":
                self._json(200, told.userinfo)
            elif parts.path == "/.well-known/openid-configuration":
                self._json(200, told.document)
            else:
                self._send(404, b"")

        def do_POST(self) -> None:
            told = provider[0]
            body = self.rfile.read(int(self.headers["content-length"]))
            if told.token_answer is not None:
                status, content, delay_s = told.token_answer
                time.sleep(delay_s)
                self._send(status, content, {"content-type": "application/json"})
                return
            self._json(*told.exchange(dict(parse_qsl(body.decode())), self.headers.get("authorization", "")))

        def _json(self, status: int, told: Any) -> None:
            self._send(status, json.dumps(told).encode(), {"content-type": "application/json"})

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            try:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass

        def log_message(self, *_: object) -> None: ...

    with answering(Answers) as server:
        provider.append(FakeProvider(server.server_address[1]))
        yield provider[0]


def declaration(*providers: FakeProvider, more: str = "") -> str:
    """A file that declares them: `corporate`, then `corporate-1` …; groups are mapped to roles."""
    return "identity_providers:\n" + "".join(
        f"""\
  corporate{f"-{number}" if number else ""}:
    issuer: {provider.url}
    client_id: {CLIENT}
    client_secret_file: corporate.secret
{more}    people:
      - match: {{groups: managers}}
        organisation: provider
        roles: [provider, staff]
      - match: {{groups: risk}}
        organisation: provider
        roles: [approver]
      - match: {{groups: security}}
        organisation: provider
        roles: [analyst]
      - match: {{groups: audit}}
        organisation: provider
        roles: [auditor]
      - match: {{groups: acme}}
        organisation: acme
        roles: [developer]
        attributes:
          - {{name: kyc, value: K3, assurance: 3}}
"""
        for number, provider in enumerate(providers)
    )


class Browser:
    """Keeps cookies and goes where it is sent, as a browser does; says where a request comes from."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.client = httpx.Client(timeout=10.0, trust_env=False, follow_redirects=False)

    def go(self, path: str, **headers: str) -> httpx.Response:
        """Go to a page of the gateway, or to an address that one was told."""
        url = path if path.startswith("http") else self.base + path
        return self.client.get(url, headers={"sec-fetch-site": "none", **headers})

    def sign_in(self, query: str = "") -> httpx.Response:
        """Begin, be vouched for, come back; the answer to that."""
        begun = self.go(f"/control/session/start{query}")
        assert begun.status_code == 303, begun.text
        vouched = self.go(begun.headers["location"])
        return self.go(vouched.headers["location"], **{"sec-fetch-site": "cross-site"})

    def session(self) -> dict[str, Any]:
        """What the pages are told."""
        answer = self.go("/control/session")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def do(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Change something, as a page of the gateway does; a header given as empty is left out."""
        own = {"origin": self.base, "sec-fetch-site": "same-origin", "x-csrf-token": "", **headers}
        if not headers.get("x-csrf-token") and "x-csrf-token" not in headers:
            own["x-csrf-token"] = self.session()["csrf_token"]
        told = {name: value for name, value in own.items() if value}
        return self.client.post(self.base + path, json=body if body is not None else {}, headers=told)
