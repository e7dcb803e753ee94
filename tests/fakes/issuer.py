"""Another issuer of tokens, as a cluster or a CI system is one: real keys, published over HTTP on loopback."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from joserfc import jwk, jws

from tests.fakes.loopback import answering

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA", "HS256", "none")
_REGISTRIES = {name: jws.JWSRegistry(algorithms=[name], strict_check_header=False) for name in ALGORITHMS}

AUDIENCE = "https://gateway.example"


def signed(header: dict[str, Any], claims: Any, key: jwk.Key) -> str:
    """A token over these very claims, by this very header."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=_REGISTRIES[header["alg"]])


class FakeIssuer:
    """Its keys, what it serves of them, and how it behaves when it is asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.keys: dict[str, jwk.Key] = {}
        self.asked: list[str] = []
        """Paths of the requests that came."""
        self.body: bytes | None = None
        """Served in place of the keys."""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.delay_s = 0.0
        self.documents: dict[str, Any] = {}
        """What else it publishes, by path."""
        self.ahead_s = 0.0
        """How far its clock is ahead."""
        self.add("first")

    @property
    def keys_url(self) -> str:
        """Where the keys are."""
        return f"{self.url}/openid/v1/jwks"

    def add(self, key_id: str, key: jwk.Key | None = None) -> jwk.Key:
        """Begin to sign with another key, beside the others."""
        self.keys[key_id] = key or jwk.RSAKey.generate_key(2048, auto_kid=False)
        self._signs = key_id
        return self.keys[key_id]

    def published(self) -> dict[str, Any]:
        """The public halves."""
        return {"keys": [{**key.as_dict(private=False), "kid": name, "use": "sig"} for name, key in self.keys.items()]}

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a token of a cluster's service account says; None takes a claim out."""
        now = int(time.time())
        said = {
            "iss": self.url,
            "aud": [AUDIENCE],
            "sub": "system:serviceaccount:ml:batch",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "kubernetes.io": {"namespace": "ml", "serviceaccount": {"name": "batch", "uid": "0a1b"}},
        } | changed
        return {name: value for name, value in said.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A token by the newest key, as a cluster signs it: without a type."""
        head = {"alg": "RS256", "kid": self._signs, **(header or {})}
        return signed(head, self.claims(**changed), self.keys[self._signs])


@contextmanager
def an_issuer() -> Iterator[FakeIssuer]:
    """One that answers for the length of the block."""
    issuer: list[FakeIssuer] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = issuer[0]
            told.asked.append(self.path)
            time.sleep(told.delay_s)
            body = told.body if told.body is not None else json.dumps(told.published()).encode()
            if self.path in told.documents:
                body = json.dumps(told.documents[self.path]).encode()
            try:
                self.send_response(told.status)
                for name, value in told.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + issuer[0].ahead_s)

        def log_message(self, *_: object) -> None: ...

    with answering(Answers) as server:
        issuer.append(FakeIssuer(server.server_address[1]))
        yield issuer[0]


def declaration(issuer: FakeIssuer, *, organisation: str = "acme", scopes: str = "[inference]", more: str = "") -> str:
    """A file that declares it, with one rule for the service account `batch` of namespace `ml`."""
    return f"""\
issuers:
  cluster:
    issuer: {issuer.url}
    audience: {AUDIENCE}
    jwks: {issuer.keys_url}
    workloads:
      - match: {{/kubernetes.io/namespace: ml, /kubernetes.io/serviceaccount/name: batch}}
        organisation: {organisation}
        scopes: {scopes}
        attributes:
          - {{name: kyc, value: K3, assurance: 3}}
          - {{name: residence_country, claim: country, assurance: 2}}
{more}"""
