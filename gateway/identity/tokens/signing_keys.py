"""The keys that this gateway's own access tokens are signed with: Ed25519, in a file that nobody else may read.

The file is a JSON Web Key Set (RFC 7517) with the private halves. Each key says from when it signs and until when it
verifies, so that a new one is published before the first token is signed with it, and an old one goes only when the
last of its tokens has ended. Of those that may sign, the one that began last does. The file is read again when it
changes; what cannot be read then is told in the log, and the keys at hand go on.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import structlog
from joserfc import jwk

from gateway.clock import NEVER, SECOND, Instant, Moment
from gateway.errors import SettingsInvalid, Unavailable
from gateway.identity.tokens.verifying import VerifyingKey, sign, verifying_key
from gateway.secret_files import make_secret_file, read_secret_file, replace_secret_file

ALGORITHM = "Ed25519"
"""RFC 9864. A signature of it has one spelling, which one of ECDSA has not."""

TYPE = "at+jwt"

_WHAT = "token keys"
_MOST = 16
_MENDING = "Put back the one that was there, or take it away and make a new key with `gateway token rotate-key`."

log = structlog.get_logger()


class _Stated(msgspec.Struct, frozen=True, kw_only=True):
    """One key as the file has it. The times are seconds since 1970."""

    kid: str
    x: str
    d: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    alg: str = ALGORITHM
    signs_from: int = 0
    verifies_until: int | None = None


class _File(msgspec.Struct, frozen=True):
    keys: list[_Stated]


class SigningKey(msgspec.Struct, frozen=True):
    """One of this gateway's keys."""

    public: VerifyingKey
    private: jwk.Key
    signs_from: Instant
    verifies_until: Instant

    def __repr__(self) -> str:
        return f"SigningKey({self.public.id})"


class SigningKeys:
    """All of them, as the file last had them."""

    def __init__(self, path: Path) -> None:
        """The keys in a file, which is made where there is none. Raises SettingsInvalid."""
        if not path.exists():
            make_secret_file(path, _encoded([_new(0)]), _WHAT)
        self._path = path
        self._seen = _state(path)
        self._keys = _read(path)
        self._verified: set[str] = set()
        """Ids of those that verified when `follow` was last asked."""

    def sign(self, claims: bytes, moment: Moment) -> str:
        """A token over these claims, by the key that signs now."""
        keys = [key for key in self._keys if _verifies(key, moment)]
        if not keys:
            raise Unavailable("The gateway has no key to sign a token with.", code="token_keys_ended")
        ready = [key for key in keys if moment.surely_reached(key.signs_from)]
        # Where none is ready, whoever rotated has a clock that is ahead of the database's: better early than none.
        key = max(ready, key=_begins) if ready else min(keys, key=_begins)
        return sign({"typ": TYPE, "kid": key.public.id}, claims, ALGORITHM, key.private)

    def key(self, key_id: str, moment: Moment) -> VerifyingKey | None:
        """The key of this id that verifies now, or None."""
        return next((key.public for key in self._keys if key.public.id == key_id and _verifies(key, moment)), None)

    def published(self, moment: Moment) -> list[dict[str, Any]]:
        """The public halves of all that verify, or will: RFC 7517, section 5."""
        return [
            {**key.public.key.as_dict(private=False), "kid": key.public.id, "use": "sig", "alg": ALGORITHM}
            for key in self._keys
            if _verifies(key, moment)
        ]

    def follow(self, moment: Moment) -> bool:
        """Read the file again where it has changed; whether a key verifies no more that did when last asked."""
        state = _state(self._path)
        if state != self._seen:
            self._seen = state
            try:
                self._keys = _read(self._path)
            except SettingsInvalid as error:
                log.warning("token_keys_unread", error=error.message)
        before, self._verified = self._verified, {key["kid"] for key in self.published(moment)}
        return not before <= self._verified


def rotate(path: Path, now: Instant, *, announce: int, overlap: int) -> str:
    """Add a key that signs once it was announced so long; the others verify for the overlap after that. Its id.

    The times are microseconds. Keys that verify nothing any more are taken out.
    """
    seconds, begins = now // SECOND, (now + announce) // SECOND
    new = _new(begins if announce else 0 if not path.exists() else seconds)
    kept = []
    for key in _stated(path) if path.exists() else []:
        ends = min(begins + overlap // SECOND, key.verifies_until or begins + overlap // SECOND)
        if ends > seconds:
            kept.append(msgspec.structs.replace(key, verifies_until=ends))
    if len(kept) >= _MOST:
        raise SettingsInvalid(
            f"There are {_MOST} token keys already.", next_step="Wait until the oldest have ended, or name no overlap."
        )
    replace_secret_file(path, _encoded([*kept, new]), _WHAT)
    return new.kid


def listed(path: Path) -> list[tuple[str, Instant, Instant]]:
    """Id, first instant of signing and last of verifying, of each key in a file."""
    return [(key.public.id, key.signs_from, key.verifies_until) for key in _read(path)]


def _begins(key: SigningKey) -> Instant:
    return key.signs_from


def _verifies(key: SigningKey, moment: Moment) -> bool:
    return not moment.maybe_reached(key.verifies_until)


def _new(signs_from: int) -> _Stated:
    key = jwk.OKPKey.generate_key("Ed25519")
    made: dict[str, Any] = key.as_dict(private=True)
    return _Stated(kid=key.thumbprint()[:16], x=made["x"], d=made["d"], signs_from=signs_from)


def _encoded(keys: Iterable[_Stated]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(_File(list(keys)))) + b"\n"


def _stated(path: Path) -> list[_Stated]:
    damaged = SettingsInvalid(f"The token keys file {path} is damaged.", next_step=_MENDING)
    try:
        keys = msgspec.json.decode(read_secret_file(path, _WHAT), type=_File).keys
    except ValueError as error:
        raise damaged from error
    if not keys or len({key.kid for key in keys}) < len(keys):
        raise damaged
    return keys


def _read(path: Path) -> list[SigningKey]:
    keys = []
    for stated in _stated(path):
        try:
            whole: dict[str, Any] = msgspec.to_builtins(stated)
            private = jwk.OKPKey.import_key({name: whole[name] for name in ("kty", "crv", "x", "d")})
            public = verifying_key({name: whole[name] for name in ("kty", "crv", "x", "use", "alg", "kid")})
        except Exception as error:
            told = f"The token keys file {path} holds a key that is none."
            raise SettingsInvalid(told, next_step=_MENDING) from error
        until = NEVER if stated.verifies_until is None else stated.verifies_until * SECOND
        keys.append(SigningKey(public, private, stated.signs_from * SECOND, until))
    return keys


def _state(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return found.st_mtime_ns, found.st_ino, found.st_size
