"""The operator's file of upstreams: what is read from it and which mistakes are told, with the line."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.errors import InvalidFile, SettingsInvalid
from gateway.inference.connector.exchanges import Connector, Outbound
from gateway.inference.connector.faults import Unreached
from gateway.inference.connector.upstreams import Upstream, read_upstreams, upstream_at
from tests.fakes.upstream import FakeUpstream


def read(text: str, folder: Path = Path("/nowhere")) -> dict[str, Upstream]:
    return read_upstreams(text.encode(), folder / "upstreams.yaml")


def test_a_whole_declaration_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sk-from-file\n")
    text = """
upstreams:
  atlas-vllm:
    url: https://vllm.internal:8443/openai/v1/
    credential_file: secret
    output_limit: max_completion_tokens
    traceparent: true
    limits: {connections_max: 8, idle_s: 2.5}
"""

    upstream = read(text, tmp_path)["atlas-vllm"]

    assert (upstream.secure, upstream.host, upstream.port, upstream.prefix) == (
        True,
        "vllm.internal",
        8443,
        "/openai/v1",
    )
    assert upstream.credential is not None
    assert upstream.credential.reveal() == "sk-from-file"
    assert upstream.output_limit == "max_completion_tokens"
    assert upstream.traceparent
    assert (upstream.limits.connections_max, upstream.limits.idle_s) == (8, 2.5)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("http://a", "a"),
        ("http://a:80/v1", "a"),
        ("http://a:81", "a:81"),
        ("https://a", "a"),
        ("https://a:80", "a:80"),
        ("http://[::1]:8000/v1", "[::1]:8000"),
    ],
)
def test_the_host_header_names_a_port_only_where_it_is_not_the_usual_one(url: str, authority: str) -> None:
    assert upstream_at("u", url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a/v1",
        "a:8000",
        "http://",
        "http://user:pass@a/v1",
        "http://a/v1?x=1",
        "http://a/v1#x",
        "http://a/v1?",
        "http://a /v1",
        "http://a/\r\nx: y",
        "http://a/../admin",
        "http://a/./v1",
        "http://a/%2e%2e/v1",
        "http://a//v1",
        "http://ä/v1",
        "http://a:0",
        "http://a:99999",
        "http://.a",
        "http://a_b\\c/",
    ],
)
def test_a_url_that_is_more_or_less_than_a_base_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        upstream_at("u", url)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (3, "upstreams:\n  a:\n    link: http://a\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    colour: red\n"),
        (3, "upstreams:\n  a:\n    url: [http://a]\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    url: http://b\n"),
        (4, "upstreams:\n  a:\n    url: http://a\n    limits: {connections_max: many}\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    limits: {connections_max: 0}\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    limits: {total_s: .nan}\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    credential: x\n    credential_file: y\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    credential_file: missing\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    ca_file: missing\n"),
        (3, "upstreams:\n  a:\n    url: http://a\n    credential: 'two words'\n"),
        (3, "upstreams:\n  A B:\n    url: http://a\n"),
        (5, "upstreams:\n  a:\n    url: http://a\n  a:\n    url: http://b\n"),
        (2, "upstreams:\n  a: http://a\n"),
        (1, "upstreams: []\n"),
        (1, "servers: {}\n"),
        (1, ""),
        (2, "upstreams:\n  a: {url: ]\n"),
        (1, "upstreams: " + "[" * 5000 + "]" * 5000),
        (3, "upstreams:\n  a:\n    url: http://a\n    limits: {total_s: .inf}\n"),
    ],
)
def test_a_mistake_is_told_with_its_line(line: int, text: str) -> None:
    with pytest.raises(InvalidFile) as invalid:
        read(text)

    assert invalid.value.faults[0].line == line


def test_no_mistake_shows_a_credential() -> None:
    with pytest.raises(InvalidFile) as invalid:
        read("upstreams:\n  a:\n    url: 'http://u:hunter2@a'\n    credential: 'hunter2 hunter2'\n    colour: red\n")

    assert "hunter2" not in str(invalid.value)


def test_a_credential_is_not_in_what_an_upstream_looks_like() -> None:
    assert "hunter2" not in repr(upstream_at("u", "http://a", "hunter2"))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that vouches for itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "upstream.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(built.public_bytes(serialization.Encoding.PEM) + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return file, context


async def test_an_upstream_behind_tls_is_reached_with_the_operators_certificates(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    file, context = certificate
    async with FakeUpstream(tls=context) as fake:
        connector = Connector({"u": upstream_at("u", fake.url, "sk-1", ca_file=str(file))})
        for _ in range(3):
            async with connector.exchange("u", Outbound("/chat/completions", b"{}", "r")) as answer:
                body = await answer.read(10_000)
        await connector.close()

    assert b"Hello from the fake." in body
    assert fake.connections == 1


async def test_a_certificate_nobody_vouches_for_is_not_asked(certificate: tuple[Path, ssl.SSLContext]) -> None:
    async with FakeUpstream(tls=certificate[1]) as fake:
        connector = Connector({"u": upstream_at("u", fake.url, "sk-1")})
        with pytest.raises(Unreached):
            await connector.exchange("u", Outbound("/chat/completions", b"{}", "r")).__aenter__()

    assert fake.requests == []


async def test_a_certificate_for_another_host_is_not_asked(certificate: tuple[Path, ssl.SSLContext]) -> None:
    file, context = certificate
    async with FakeUpstream(tls=context) as fake:
        url = f"https://localhost:{fake.port}/v1"
        connector = Connector({"u": upstream_at("u", url, "sk-1", ca_file=str(file))})
        with pytest.raises(Unreached):
            await connector.exchange("u", Outbound("/chat/completions", b"{}", "r")).__aenter__()

    assert fake.requests == []


def test_certificates_that_cannot_be_used_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")

    with pytest.raises(SettingsInvalid):
        Connector({"u": upstream_at("u", "https://a", ca_file=str(tmp_path / "ca.pem"))})


@pytest.mark.parametrize("field", ["credential_file", "ca_file"])
def test_a_file_that_is_not_there_is_named_as_it_stands_in_the_declaration(field: str) -> None:
    with pytest.raises(InvalidFile) as invalid:
        read(f"upstreams:\n  a:\n    url: https://a\n    {field}: secrets/missing\n")

    assert [fault.message for fault in invalid.value.faults] == [
        f"`{field}` names 'secrets/missing', which cannot be read: No such file or directory"
    ]
