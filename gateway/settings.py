"""What the operator decides: one frozen value, made from a mapping once; nothing else reads the environment.

A setting named `some_name` is the variable `GATEWAY_SOME_NAME`. A variable left empty is not set.
All mistakes are told at once, and no value of any setting is ever shown.
"""

import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import quote

import msgspec
from msgspec import Meta

from gateway.errors import SettingsInvalid

PREFIX = "GATEWAY_"

OF_THE_CLIENT = frozenset({"GATEWAY_URL", "GATEWAY_KEY", "GATEWAY_CLIENT_SECRET"})
"""Read by the command line when it talks to a running gateway."""

_ORCHESTRATED = re.compile(r"GATEWAY_(SERVICE_|PORT_\d)")
"""What Kubernetes adds to every container beside a Service that is named `gateway`."""

_USER_ALONE = re.compile(r"postgresql://[^:@/?#]+@[^@]*\Z")

Port = Annotated[int, Meta(ge=0, le=65535)]
Text = Annotated[str, Meta(max_length=4096)]
Bytes = Annotated[int, Meta(ge=1024, le=1 << 30)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting, with its default."""

    data: Path = Path("gateway-data")
    """Directory of everything that is kept: the SQLite database, peppers, the signing key. One process serves it."""

    database_url: Text = ""
    """`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; when empty, a SQLite file in the data directory."""

    database_password_file: Path | None = None
    """File with the password of the database's user, for where it must not stand in `GATEWAY_DATABASE_URL`."""

    host: Text = "127.0.0.1"
    """Address to listen on; `0.0.0.0` or `::` for every one."""

    port: Port = 8080
    """Port to listen on; 0 for any that is free."""

    judge: Literal["embedded", "opa"] = "embedded"
    """Who answers the gate's questions: the engine inside the gateway, or an OPA server."""

    opa_url: Text = ""
    """Base URL of the OPA server, such as `http://127.0.0.1:8181`; needed by `judge=opa`."""

    opa_token_file: Path | None = None
    """File with the bearer token for the OPA server, where it demands one."""

    judge_timeout_ms: Annotated[int, Meta(ge=10, le=1500)] = 1000
    """How long to wait for a judgement before the call is refused."""

    bundle_token_file: Path | None = None
    """File with the bearer token by which OPA servers fetch the policies in force (0600); when empty, nobody can."""

    policies: Path | None = None
    """Folder of Rego policies to judge by, in place of those that ship with the gateway."""

    changes: Literal["direct", "reviewed"] = "direct"
    """How a release's next version comes into force: at once by one provider's word, or only planned and approved."""

    upstreams: Path | None = None
    """YAML file that declares the model servers which releases may name."""

    weights: Path | None = None
    """Folder under which the weights of releases lie; when empty, `weights` in the data directory."""

    key_pepper_file: Path | None = None
    """File of the peppers that API keys are signed with (0600); when empty, `peppers` in the data directory."""

    signing_key_file: Path | None = None
    """File of the key that signs the ledger (0600); when empty, `signing.key` in the data directory."""

    checkpoints: Path | None = None
    """Checkpoint kept elsewhere, or a folder of them: no start on a ledger that does not go on from each."""

    public_url: Text = ""
    """Where callers reach this gateway, such as `https://gateway.example`: it issues its tokens under this name."""

    token_keys_file: Path | None = None
    """File of the keys that access tokens are signed with (0600); when empty, `token.keys` in the data directory."""

    token_s: Annotated[int, Meta(ge=60, le=3600)] = 600
    """How long an access token of this gateway lives."""

    token_requests_per_client: Annotated[int, Meta(ge=1, le=100_000)] = 120
    """How many access tokens a client may ask for in a minute, of each process."""

    token_requests_per_source: Annotated[int, Meta(ge=0, le=1_000_000)] = 600
    """How many may be asked for from one address in a minute, a failed proof counting as ten; 0 for no bound."""

    sign_in_requests_per_source: Annotated[int, Meta(ge=0, le=1_000_000)] = 600
    """How often the pages where people sign in may be asked from one address in a minute; 0 for no bound."""

    issuers: Path | None = None
    """YAML file that declares the issuers whose tokens are accepted, and what those give."""

    identity_providers: Path | None = None
    """YAML file that declares the identity providers by which people sign in, and what they are here."""

    session_s: Annotated[int, Meta(ge=300, le=604_800)] = 43_200
    """How long a person stays signed in, however much they do."""

    session_idle_s: Annotated[int, Meta(ge=60, le=604_800)] = 1800
    """How long a person stays signed in who does nothing."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""

    log_format: Literal["auto", "json", "console"] = "auto"
    """One JSON object a line, or lines for people; `auto` writes for people on a terminal."""

    traces_endpoint: Text = ""
    """URL that traces are sent to, OTLP over HTTP; when empty, what `OTEL_EXPORTER_OTLP_ENDPOINT` says."""

    request_bytes_max: Bytes = 8 << 20
    """The largest request that the doors for models take."""

    extra_fields: Text = ""
    """Names, with commas between, of fields that calls to models may have beyond those known to be harmless."""

    control_bytes_max: Bytes = 1 << 20
    """The largest request that the control door takes."""

    revision_poll_ms: Annotated[int, Meta(ge=20, le=500)] = 250
    """How often this process asks whether what may pass has changed."""

    revision_stale_s: Annotated[float, Meta(ge=1, le=5)] = 5.0
    """How old that knowledge may grow before every call is refused."""

    drain_s: Annotated[int, Meta(ge=0, le=300)] = 0
    """How long, told to stop, it still takes calls while `/readyz` says no and every answer ends its connection."""

    shutdown_s: Annotated[int, Meta(ge=1, le=3600)] = 30
    """How long answers under way may go on after the gateway was told to stop and has drained."""

    narrowing_review_h: Annotated[int, Meta(ge=1, le=720)] = 24
    """Within how many hours a second person must have looked at what one has narrowed, before it is chased."""

    access_request_url: Text = ""
    """Where to ask for access to a limited release; told to whoever is refused for want of a grant."""

    @classmethod
    def from_mapping(cls, variables: Mapping[str, str]) -> "Settings":
        """The settings in a mapping such as the environment. Raises SettingsInvalid with every mistake."""
        given = {
            name: value
            for name, value in variables.items()
            if name.startswith(PREFIX) and name not in OF_THE_CLIENT and value
        }
        given.setdefault(f"{PREFIX}TRACES_ENDPOINT", _collector_of(variables))
        kinds = {PREFIX + field.name.upper(): field for field in msgspec.structs.fields(cls)}
        mistakes = [_unknown(name, kinds) for name in given if name not in kinds]
        values: dict[str, Any] = {}
        for name, field in kinds.items():
            if name in given:
                try:
                    values[field.name] = msgspec.convert(given[name], field.type, strict=False, dec_hook=_custom)
                except msgspec.ValidationError:
                    mistakes.append(f"{name} must be {_wanted(field.type)}.")
        settings = cls(**values)
        mistakes += _misfits(settings)
        if mistakes:
            raise SettingsInvalid("\n".join(mistakes), next_step="Every setting is described in docs/settings.md.")
        return settings

    @classmethod
    def from_environment(cls, **overrides: str | None) -> "Settings":
        """The settings in this process's environment; overrides come from the command line, `port="9000"`."""
        told = {PREFIX + name.upper(): value for name, value in overrides.items() if value is not None}
        return cls.from_mapping({**os.environ, **told})

    @property
    def database(self) -> str:
        """URL of the database, with the password that stands in a file of its own."""
        if self.database_password_file is not None:
            return _with_password(self.database_url, self.database_password_file)
        return self.database_url or f"sqlite:///{(self.data / 'gateway.sqlite').absolute()}"

    @property
    def peppers_path(self) -> Path:
        """Where the peppers are."""
        return self.key_pepper_file or self.data / "peppers"

    @property
    def signing_key_path(self) -> Path:
        """Where the ledger's signing key is."""
        return self.signing_key_file or self.data / "signing.key"

    @property
    def token_keys_path(self) -> Path:
        """Where the keys are that access tokens are signed with."""
        return self.token_keys_file or self.data / "token.keys"

    @property
    def issuer(self) -> str:
        """The name under which this gateway issues tokens, and for which it accepts them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"

    @property
    def weights_path(self) -> Path:
        """Where the weights of releases lie."""
        return self.weights or self.data / "weights"

    def __repr__(self) -> str:
        return "Settings(…)"  # the database's URL may have a password in it


def _collector_of(variables: Mapping[str, str]) -> str:
    """Where OpenTelemetry's own variables have traces sent; empty where nowhere, or not over HTTP.

    They are often set for everything that runs on a machine: what is no use here keeps no gateway from starting.

    https://opentelemetry.io/docs/specs/otel/protocol/exporter/
    """
    exporter = "OTEL_EXPORTER_OTLP_"
    protocol = variables.get(f"{exporter}TRACES_PROTOCOL") or variables.get(f"{exporter}PROTOCOL")
    off = variables.get("OTEL_SDK_DISABLED", "").lower() == "true" or variables.get("OTEL_TRACES_EXPORTER") == "none"
    if off or protocol not in {None, "", "http/protobuf"}:
        return ""
    base = variables.get(f"{exporter}ENDPOINT", "")
    endpoint = variables.get(f"{exporter}TRACES_ENDPOINT") or (f"{base.rstrip('/')}/v1/traces" if base else "")
    return endpoint if endpoint.startswith(("http://", "https://")) else ""


def _custom(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str) and "\0" not in value:
        return Path(value)
    raise ValueError


def _with_password(url: str, file: Path) -> str:
    """The URL with the first line of the file as its user's password. Raises SettingsInvalid."""
    try:
        password, _, _ = file.read_text("utf-8").partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(
            f"The password file {file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}.",
            next_step="Let this process read it, or name another with GATEWAY_DATABASE_PASSWORD_FILE.",
        ) from None
    user, _, rest = url.partition("@")
    return f"{user}:{quote(password, safe='')}@{rest}"


def _unknown(name: str, known: Iterable[str]) -> str:
    if _ORCHESTRATED.match(name):
        return (
            f"{name} is no setting: Kubernetes adds it because a Service is named `gateway`. "
            "Set `enableServiceLinks: false` on the pod."
        )
    near = get_close_matches(_bare(name), [_bare(other) for other in known], n=1)
    return f"{name} is no setting." + (f" Did you mean {PREFIX}{near[0]}?" if near else "")


def _bare(name: str) -> str:
    return name.removeprefix(PREFIX)


def _wanted(kind: Any) -> str:
    """What a value of this kind looks like, in words."""
    if get_origin(kind) is Literal:
        *most, last = (f"`{choice}`" for choice in get_args(kind))
        return f"{', '.join(most)} or {last}"
    if get_origin(kind) is Annotated:
        plain, bounds = get_args(kind)
        if plain is str:
            return f"a text of at most {bounds.max_length} characters"
        return f"a {'whole number' if plain is int else 'number'} from {bounds.ge} to {bounds.le}"
    return "a path"


def _misfits(settings: Settings) -> list[str]:
    """Mistakes that no single value shows."""
    mistakes = []
    if settings.judge == "opa" and not settings.opa_url:
        mistakes.append("GATEWAY_OPA_URL must name the OPA server when GATEWAY_JUDGE is `opa`.")
    if settings.database_url and not settings.database_url.startswith(("sqlite:///", "postgresql://")):
        mistakes.append("GATEWAY_DATABASE_URL must begin with `sqlite:///` or `postgresql://`.")
    if settings.database_password_file is not None and not _USER_ALONE.match(settings.database_url):
        mistakes.append(
            "GATEWAY_DATABASE_URL must have a user and no password, `postgresql://USER@HOST/NAME`, "
            "where GATEWAY_DATABASE_PASSWORD_FILE has the password."
        )
    for name in ("opa_url", "access_request_url", "public_url", "traces_endpoint"):
        if (url := getattr(settings, name)) and not url.startswith(("http://", "https://")):
            mistakes.append(f"{PREFIX}{name.upper()} must begin with `http://` or `https://`.")
    if settings.policies is not None and not settings.policies.is_dir():
        mistakes.append("GATEWAY_POLICIES names a folder that is not there.")
    if settings.checkpoints is not None and not settings.checkpoints.exists():
        mistakes.append("GATEWAY_CHECKPOINTS names a file or folder that is not there.")
    for name in ("upstreams", "opa_token_file", "bundle_token_file", "database_password_file", "issuers"):
        if (path := getattr(settings, name)) is not None and not path.is_file():
            mistakes.append(f"{PREFIX}{name.upper()} names a file that is not there.")
    return mistakes
