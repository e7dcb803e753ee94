"""Stages as a release file writes them, checked against what the file serves and declares."""

from collections.abc import Collection, Mapping

import msgspec

from gateway.clock import NEVER, Instant
from gateway.releases import values
from gateway.releases.audiences import PUBLIC, Audience, is_internal
from gateway.releases.caps import Cap, read_cap
from gateway.releases.cohorts import Canary
from gateway.releases.components import KNOWN, Component
from gateway.releases.nodes import Faults, Node, shown
from gateway.releases.opens_when import read_requirements
from gateway.releases.requirements import ABOUT_THE_MODEL, Requirement
from gateway.releases.stage_dates import Review, read_review
from gateway.releases.strategies import AccessLevel, Conditions, Stage

KEYS = (
    "name", "opens", "closes", "access", "to", "canary", "cap", "offers", "conditions", "irreversible", "opens_when",
    "review_by", "if_overdue", "perpetual",
)  # fmt: skip
CONDITIONS = (
    "terms",
    "requests_per_minute",
    "tokens_per_day",
    "max_output_tokens",
    "log",
    "retain_days",
    "concurrence",
)
LOGGING = ("metadata", "metadata+hash")

TOKENS_PER_DAY_MIN = 512
"""Fewer cover no short chat that leaves its output open (access/calls.py reckons what a call may come to)."""

NOT_ENFORCED = frozenset(
    {
        "concurrency", "end_user_id_required", "fallback", "filter_profile", "geography", "human_review", "licence",
        "redistribution", "reporting_duty", "screening", "spend", "surface", "use_case", "watermark",
    }
)  # fmt: skip
"""Conditions of the field's vocabulary that nothing here enforces yet."""


_IRREVERSIBLE = {
    True: "nothing that this stage offers is irreversible: take `irreversible` out",
    False: "weights that have left cannot be called back: acknowledge it with `irreversible: true`",
}


class Declared(msgspec.Struct, frozen=True):
    """What the rest of the file gives a stage to refer to."""

    served: Collection[str]
    """`inference`, `weights`, both or neither."""
    terms: Collection[str]
    audiences: Mapping[str, Audience]
    has_snapshot: bool = False
    """Whether it says which snapshot of the model evidence is about."""


class StageRead(msgspec.Struct, kw_only=True):
    """One stage as far as it could be read."""

    node: Node
    fields: dict[str, Node]
    name: str
    opens: Instant | None
    closes: Instant | None
    """NEVER where the file does not say; None where what it says cannot be read."""
    access: AccessLevel | None
    to: tuple[str, ...]
    offers: tuple[Component, ...]
    conditions: Conditions
    irreversible: bool
    canary: Canary | None
    opens_when: tuple[Requirement, ...]
    cap: Cap | None
    review: Review | None
    perpetual: bool

    def stage(self) -> Stage:
        """The stage; only to be asked where the file has no faults."""
        if self.opens is None or self.closes is None or self.access is None:
            raise ValueError("a stage with faults is no stage")
        return Stage(
            name=self.name,
            opens=self.opens,
            closes=self.closes,
            access=self.access,
            to=self.to,
            offers=self.offers,
            conditions=self.conditions,
            irreversible=self.irreversible,
            canary=self.canary,
            opens_when=self.opens_when,
            cap=self.cap,
            review=self.review,
            perpetual=self.perpetual,
        )


def read_stage(node: Node, declared: Declared, faults: Faults, *, is_first: bool = False) -> StageRead:
    """The stage in this node; what cannot be read is noted."""
    fields = values.mapping(node, faults, KEYS, ("name", "opens", "access", "to"))
    level = values.choice(fields.get("access"), faults, tuple(AccessLevel))
    access = None if level is None else AccessLevel(level)
    offers = _read_offers(fields, node, access, declared, faults)
    opens = values.instant(fields.get("opens"), faults)
    closes = values.instant(fields["closes"], faults) if "closes" in fields else NEVER
    review, perpetual = read_review(fields, opens, closes, faults)
    stage = StageRead(
        node=node,
        fields=fields,
        name=_read_name(fields.get("name"), faults),
        opens=opens,
        closes=closes,
        access=access,
        to=_read_audiences(fields, access, declared, faults),
        offers=offers,
        conditions=_read_conditions(fields.get("conditions"), offers, declared, faults),
        irreversible=values.truth(fields.get("irreversible"), faults) or False,
        canary=_read_canary(fields.get("canary"), faults, is_first=is_first),
        opens_when=read_requirements(fields.get("opens_when"), faults, is_first=is_first),
        cap=read_cap(fields.get("cap"), faults, is_closed=access is AccessLevel.CLOSED),
        review=review,
        perpetual=perpetual,
    )
    if not declared.has_snapshot and any(isinstance(each, ABOUT_THE_MODEL) for each in stage.opens_when):
        faults.add(
            fields["opens_when"], "evidence is about one snapshot of the model: write its digest as `model.snapshot`"
        )
    if access is not None and stage.irreversible != (access is AccessLevel.OPEN_WEIGHTS):
        faults.add(fields.get("irreversible", fields["access"]), _IRREVERSIBLE[stage.irreversible])
    return stage


def _read_canary(node: Node | None, faults: Faults, *, is_first: bool) -> Canary | None:
    if node is None:
        return None
    fields = values.mapping(node, faults, ("percent", "salt"), ("percent", "salt"))
    if is_first:
        faults.add(node, "there is no stage before this one for the others to stay in: take `canary` out")
    percent, salt = values.whole(fields.get("percent"), faults, 1, 99), values.text(fields.get("salt"), faults, 64)
    return None if percent is None or salt is None else Canary(percent=percent, salt=salt)


def _read_name(node: Node | None, faults: Faults) -> str:
    name = values.text(node, faults)
    if name is not None and node is not None and not values.is_word(name):
        faults.add(node, f"{shown(name)} cannot be a name: write lower-case words joined by `-`")
    return name or ""


def _read_audiences(
    fields: dict[str, Node], access: AccessLevel | None, declared: Declared, faults: Faults
) -> tuple[str, ...]:
    names: list[str] = []
    for node, name in values.texts(fields.get("to"), faults):
        names.append(name)
        if name == PUBLIC:
            if access in (AccessLevel.CLOSED, AccessLevel.LIMITED):
                faults.add(node, f"a stage that is {access} cannot be for everybody: name an audience, or use `api`")
        elif name not in declared.audiences:
            known = values.nearest(name, (*declared.audiences, PUBLIC))
            faults.add(node, f"there is no audience {shown(name)}: declare it under `audiences`.{known}")
        elif (
            access is AccessLevel.CLOSED
            and declared.audiences[name].tests
            and not is_internal(declared.audiences[name])
        ):
            faults.add(node, f"{shown(name)} may hold outsiders: a closed stage is for a `role` such as staff")
    return tuple(sorted(names))


def _read_offers(
    fields: dict[str, Node], stage: Node, access: AccessLevel | None, declared: Declared, faults: Faults
) -> tuple[Component, ...]:
    if "offers" not in fields:
        return _offered_by_default(stage, access, declared, faults)
    named = values.texts(fields["offers"], faults)
    offers = {name for _, name in named}
    for node, name in named:
        if fault := _offer_fault(name, offers, access, declared):
            faults.add(node, fault)
    if named and access is AccessLevel.OPEN_WEIGHTS and Component.WEIGHTS not in offers:
        faults.add(fields["offers"], "a stage that is open-weights offers `weights.final`: add it, or use `api`")
    return tuple(component for component in sorted(Component) if component in offers)


def _offer_fault(name: str, offers: set[str], access: AccessLevel | None, declared: Declared) -> str:
    if name in KNOWN:
        return f"`{name}` is known, but nothing here can enforce it yet: take it out"
    if name not in tuple(Component):
        return f"there is no component {shown(name)}.{values.nearest(name, [*Component, *KNOWN])}"
    if name == Component.WEIGHTS and access not in (None, AccessLevel.OPEN_WEIGHTS):
        return f"a stage that is {access} gives no weights: use `access: open-weights`"
    if name == Component.LOGPROBS and Component.TEXT not in offers:
        return "log-probabilities come with text: add `inference.text`"
    target = "weights" if name == Component.WEIGHTS else "inference"
    return "" if target in declared.served else f"nothing serves `{name}`: declare `serves.{target}`"


def _offered_by_default(
    stage: Node, access: AccessLevel | None, declared: Declared, faults: Faults
) -> tuple[Component, ...]:
    if access is None:
        return ()
    needed = "weights" if access is AccessLevel.OPEN_WEIGHTS else "inference"
    if needed not in declared.served:
        faults.add(stage, f"this stage has nothing to offer: declare `serves.{needed}`")
    text = (Component.TEXT,) if "inference" in declared.served else ()
    return (*text, Component.WEIGHTS) if access is AccessLevel.OPEN_WEIGHTS else text


def _read_conditions(
    node: Node | None, offers: tuple[Component, ...], declared: Declared, faults: Faults
) -> Conditions:
    fields = values.mapping(node, faults, (*CONDITIONS, *NOT_ENFORCED))
    for name in NOT_ENFORCED & fields.keys():
        faults.add(fields[name], f"nothing here enforces `{name}` yet: take it out, so that the file promises no more")
    for name in ("tokens_per_day", "max_output_tokens"):
        if name in fields and offers == (Component.WEIGHTS,):
            faults.add(fields[name], f"downloads take no tokens: `{name}` would bind nothing here")
    limits = {
        name: values.whole(fields.get(name), faults, 1)
        for name in ("requests_per_minute", "tokens_per_day", "max_output_tokens")
    }
    a_day = limits["tokens_per_day"]
    if a_day is not None and a_day < TOKENS_PER_DAY_MIN and Component.TEXT in offers:
        faults.add(
            fields["tokens_per_day"],
            f"{a_day} tokens a day cover no call: its input alone is taken at a token a byte and 256 more;"
            f" write at least {TOKENS_PER_DAY_MIN}",
        )
    return Conditions(
        terms=_read_terms(fields.get("terms"), declared, faults),
        log=_read_logging(fields.get("log"), faults),
        retain_days=values.whole(fields.get("retain_days"), faults, 0, 36_500),
        concurrence=values.text(fields.get("concurrence"), faults) or "",
        **limits,
    )


def _read_terms(node: Node | None, declared: Declared, faults: Faults) -> tuple[str, ...]:
    required = values.texts(node, faults)
    for item, name in required:
        if name not in declared.terms:
            near = values.nearest(name, declared.terms)
            faults.add(item, f"there are no terms {shown(name)}: declare them under `terms`.{near}")
    return tuple(sorted(name for _, name in required))


def _read_logging(node: Node | None, faults: Faults) -> str:
    mode = values.text(node, faults) or LOGGING[0]
    if node is not None and mode in ("full-content", "sampled-content"):
        faults.add(node, f"there is no vault to keep content in yet: write one of {', '.join(LOGGING)} for {mode}")
    elif node is not None and mode == "none":
        faults.add(node, f"nothing is served unrecorded: write one of {', '.join(LOGGING)}")
    elif node is not None and mode not in LOGGING:
        faults.add(node, f"{shown(mode)} is no way of logging.{values.nearest(mode, LOGGING)}")
    return mode
