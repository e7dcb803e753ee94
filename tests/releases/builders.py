"""Release files, strategies and moments with good defaults; a test names what differs."""

from datetime import datetime

from gateway.clock import Instant, Moment, at, instant_from
from gateway.identity.facts import read_sought
from gateway.identity.predicates import Test
from gateway.releases.audiences import Audience
from gateway.releases.components import Component
from gateway.releases.strategies import AccessLevel, InferenceTarget, Stage, Strategy

DOCUMENTS = {"terms/aup.md": b"Do no harm.\n"}

FILE = """\
release: acme/atlas-1
serves:
  inference: {upstream: vllm, model: atlas}
terms: {aup: terms/aup.md}
audiences:
  staff: {role: staff}
stages:
  - {name: internal, opens: 2027-01-05T00:00:00Z, access: closed, to: [staff]}
  - name: general
    opens: 2027-06-01T00:00:00Z
    access: api
    to: [public]
    conditions: {terms: [aup]}
"""


def a_file(*changes: tuple[str, str]) -> bytes:
    """The file above with texts replaced; each must be there, so that no change is lost unseen."""
    text = FILE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


def an_instant(text: str) -> Instant:
    """From RFC 3339."""
    return instant_from(datetime.fromisoformat(text))


def a_moment(text: str) -> Moment:
    """A moment without uncertainty."""
    return at(an_instant(text))


def a_stage(name: str = "general", opens: Instant = 0, **differences: object) -> Stage:
    """A public stage that offers text."""
    given = {"access": AccessLevel.API, "to": ("public",), "offers": (Component.TEXT,), **differences}
    return Stage(name=name, opens=opens, **given)  # type: ignore[arg-type]


def a_strategy(*stages: Stage, **differences: object) -> Strategy:
    """A release of one model behind an upstream."""
    given = {"release": "acme/atlas-1", "inference": InferenceTarget("vllm", "atlas"), **differences}
    return Strategy(stages=stages, **given)  # type: ignore[arg-type]


def an_audience(*tests: tuple[str, str, object], on_unknown: str = "deny") -> Audience:
    """An audience of these tests; `kyc@2` asks for an assurance."""
    read = [(*read_sought(name), op, value) for name, op, value in tests]
    return Audience(
        tests=tuple(
            Test(attribute=name, op=op, value=value, assurance=assurance)  # type: ignore[arg-type]
            for name, assurance, op, value in read
        ),
        on_unknown=on_unknown,
    )
