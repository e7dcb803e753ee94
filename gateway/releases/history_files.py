"""The facts file beside a preset, read as strictly as a release file: every mistake at once, each with its line."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date

from gateway.errors import InvalidFile
from gateway.releases import values
from gateway.releases.histories import UNVERIFIED, DatedFact, Grade, History, Label, Shortfall, Source
from gateway.releases.nodes import Faults, Node, Place, TooManyFaults, compose, shown
from gateway.releases.nodes import Mapping as MappingNode
from gateway.releases.strategies import AccessLevel

LINE_MAX = 400

KEYS = ("system", "developer", "sources", "facts", "labels_elsewhere", "not_expressed")
FACT_KEYS = ("when", "says", "opens", "closes", "access", "chosen", "source", "grade", "dispute")
_DAY = len("2023-07-06")
_WHEN = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_URL = re.compile(r"https://[^\s/]+(/\S*)?")


def read_history(content: bytes, name: str) -> History:
    """Read a facts file. Raises InvalidFile with every mistake."""
    faults = Faults()
    if not content.strip():
        faults.add(Place(1, 1), "the file is empty: it must start with `system:`")
        raise InvalidFile(name, faults.found)
    try:
        history = _read(content, faults)
    except TooManyFaults:
        raise InvalidFile(name, faults.found) from None
    if faults.found:
        raise InvalidFile(name, faults.found)
    return history


def _read(content: bytes, faults: Faults) -> History:
    top = values.mapping(compose(content, faults), faults, KEYS, ("system", "developer", "facts"))
    sources = {name: _read_source(node, faults) for name, node in values.named(top.get("sources"), faults).items()}
    facts = tuple(_read_fact(node, sources, faults) for node in _items(top.get("facts"), faults))
    labels = tuple(_read_label(node, sources, faults) for node in _items(top.get("labels_elsewhere"), faults))
    cited = {fact.source for fact in facts} | {label.source for label in labels}
    _check_sources_used(top.get("sources"), cited, faults)
    _check_stages_dated_once(top.get("facts"), facts, faults)
    return History(
        system=_line(top.get("system"), faults),
        developer=_line(top.get("developer"), faults),
        sources=sources,
        facts=facts,
        labels_elsewhere=labels,
        not_expressed=tuple(_read_shortfall(node, faults) for node in _items(top.get("not_expressed"), faults)),
    )


def _read_source(node: Node, faults: Faults) -> Source:
    fields = values.mapping(node, faults, ("title", "publisher", "url"), ("title", "publisher"))
    url = values.text(fields.get("url"), faults, LINE_MAX)
    if url is not None and not _URL.fullmatch(url):
        faults.add(fields["url"], f"{shown(url)} is no address: write it whole, beginning with `https://`")
    return Source(_line(fields.get("title"), faults), _line(fields.get("publisher"), faults), url)


def _read_fact(node: Node, sources: Mapping[str, Source], faults: Faults) -> DatedFact:
    fields = values.mapping(node, faults, FACT_KEYS, ("when", "says", "source", "grade"))
    level = values.choice(fields.get("access"), faults, tuple(AccessLevel))
    grade = values.choice(fields.get("grade"), faults, tuple(Grade))
    fact = DatedFact(
        when=_read_when(fields.get("when"), faults),
        says=_line(fields.get("says"), faults),
        opens=values.text(fields.get("opens"), faults),
        closes=values.text(fields.get("closes"), faults),
        access=None if level is None else AccessLevel(level),
        chosen=values.text(fields.get("chosen"), faults, LINE_MAX),
        source=_read_cited(fields.get("source"), sources, faults),
        grade=Grade.UNVERIFIED if grade is None else Grade(grade),
        dispute=values.text(fields.get("dispute"), faults, LINE_MAX),
    )
    if (fact.source == UNVERIFIED) != (fact.grade is Grade.UNVERIFIED) and {"source", "grade"} <= fields.keys():
        faults.add(fields["grade"], "what names a source is primary or secondary, and what names none is unverified")
    _check_stage(fact, fields, node, faults)
    return fact


def _check_stage(fact: DatedFact, fields: Mapping[str, Node], node: Node, faults: Faults) -> None:
    if fact.opens and fact.closes:
        faults.add(fields["closes"], "a fact is of one date: write another for the closing")
    if bool(fact.opens) != ("access" in fields):
        faults.add(fields.get("access", node), "`opens` and `access` go together: the level at which a stage opened")
    dated = bool(fact.opens or fact.closes)
    if dated and 0 < len(fact.when) < _DAY and fact.chosen is None:
        faults.add(node, "the source names no day: say under `chosen` why the release file has the day it has")
    if not dated and fact.chosen is not None:
        faults.add(fields["chosen"], "this fact dates no stage, so nothing was chosen: take `chosen` out")


def _read_when(node: Node | None, faults: Faults) -> str:
    """Empty where there is no date to read."""
    written = values.text(node, faults)
    if written is None or node is None:
        return ""
    if _WHEN.fullmatch(written):
        year, month, day, *_ = (*written.split("-"), "1", "1")
        with suppress(ValueError):
            date(int(year), int(month), int(day))
            return written
    faults.add(node, f"{shown(written)} is no day, month or year: write 2023-07-06, 2023-07 or 2023")
    return ""


def _read_label(node: Node, sources: Mapping[str, Source], faults: Faults) -> Label:
    fields = values.mapping(node, faults, ("label", "says", "source"), ("label", "says", "source"))
    cited = _read_cited(fields.get("source"), sources, faults)
    return Label(_line(fields.get("label"), faults), _line(fields.get("says"), faults), cited)


def _read_shortfall(node: Node, faults: Faults) -> Shortfall:
    fields = values.mapping(node, faults, ("what", "nearest"), ("what", "nearest"))
    return Shortfall(_line(fields.get("what"), faults), _line(fields.get("nearest"), faults))


def _read_cited(node: Node | None, sources: Mapping[str, Source], faults: Faults) -> str:
    name = values.choice(node, faults, (*sources, UNVERIFIED))
    return UNVERIFIED if name is None else name


def _check_sources_used(node: Node | None, cited: set[str], faults: Faults) -> None:
    if isinstance(node, MappingNode):
        for name in node.entries.keys() - cited:
            faults.add_key(node, name, f"nothing rests on {shown(name)}: cite it, or take it out")


def _check_stages_dated_once(node: Node | None, facts: tuple[DatedFact, ...], faults: Faults) -> None:
    seen: set[tuple[str, str | None]] = set()
    for item, fact in zip(_items(node, Faults()), facts, strict=True):
        for edge, stage in (("opens", fact.opens), ("closes", fact.closes)):
            if stage and (edge, stage) in seen:
                faults.add(item, f"another fact {edge} {shown(stage)}: put what differs under `dispute` of one of them")
            seen.add((edge, stage))


def _items(node: Node | None, faults: Faults) -> list[Node]:
    return [] if node is None else values.sequence(node, faults)


def _line(node: Node | None, faults: Faults) -> str:
    return values.text(node, faults, LINE_MAX) or ""
