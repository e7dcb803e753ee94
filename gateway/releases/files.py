"""The release file: what it says, and every mistake in it at once, each with its line and what to do.

Reading never raises and constructs nothing from the text but strings; `Reading.strategy_at` is
where a file with mistakes ends.
"""

import re
from collections.abc import Collection, Mapping

import msgspec

from gateway.errors import Fault, InvalidFile
from gateway.releases import values
from gateway.releases.audiences import PUBLIC, Audience
from gateway.releases.form_files import read_form
from gateway.releases.lines import check_lines
from gateway.releases.models import KEYS as MODEL_KEYS
from gateway.releases.models import check_flop, read_attestations, read_developer
from gateway.releases.nodes import Faults, Node, TooManyFaults, compose, shown
from gateway.releases.nodes import Mapping as MappingNode
from gateway.releases.predicates import read_audience
from gateway.releases.schedules import Dated, Present, check_order, dates_of, past_dates
from gateway.releases.shelves import Shelf, check_weights
from gateway.releases.stages import Declared, StageRead, read_stage
from gateway.releases.strategies import Strategy, digest_of
from gateway.releases.targets import read_flop, read_inference, read_modality, read_snapshot, read_weights

KEYS = ("release", "listed", "serves", "model", "terms", "audiences", "requests", "stages")
DOCUMENT_BYTES_MAX = 1 << 20
STAGES_MAX = 50
"""Each is held against every other in weighing a change: no more than can be, while somebody waits."""


_RELEASE = re.compile(r"([A-Za-z0-9](?:[._-]?[A-Za-z0-9])*)/[A-Za-z0-9](?:[._-]?[A-Za-z0-9])*")
_RESERVED = frozenset({"api", "datasets", "kernels", "models", "spaces"})
"""Namespaces that the Hub's clients take for something else than a model's."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A release file as read: what it says, and what is wrong with it whenever it is applied."""

    name: str
    """Of the file, for messages."""
    release: str
    """Empty where the file does not say."""
    strategy: Strategy | None
    """None where there are faults."""
    documents: Mapping[str, bytes]
    """The texts it pins, by digest."""
    faults: tuple[Fault, ...]
    dates: tuple[Dated, ...]
    notes: tuple[str, ...] = ()
    """What is no mistake and should be known."""

    def strategy_at(self, present: Present | None = None) -> Strategy:
        """The strategy, held against the present where one is given. Raises InvalidFile with every mistake."""
        late = [] if present is None else past_dates(self.dates, present)
        if late or self.strategy is None:
            raise InvalidFile(self.name, [*self.faults, *late])
        return self.strategy


def read_release(
    content: bytes,
    documents: Mapping[str, bytes],
    *,
    name: str = "release.yaml",
    upstreams: Collection[str] | None = None,
    shelf: Shelf | None = None,
) -> Reading:
    """Read a release file. `documents` has the texts of its terms by the path the file gives them.

    Where the upstreams that the operator declared are given, the file must name one of them; where a shelf is,
    the weights that it declares must lie there.
    """
    faults = Faults()
    try:
        return _read(name, content, documents, faults, upstreams=upstreams, shelf=shelf)
    except TooManyFaults:
        return _unreadable(name, faults)


def parse(content: bytes, documents: Mapping[str, bytes], present: Present | None = None) -> Strategy:
    """The strategy that a file says. Raises InvalidFile with every mistake."""
    return read_release(content, documents).strategy_at(present)


def paths_of_terms(content: bytes) -> list[str]:
    """The paths whose texts must be sent along; only such as stay inside the file's own folder."""
    faults = Faults()
    try:
        top = values.mapping(compose(content, faults), faults, KEYS)
        paths = [values.path(node, faults) for node in values.named(top.get("terms"), faults).values()]
    except TooManyFaults:
        return []
    return sorted({path for path in paths if path is not None})


def _read(
    name: str,
    content: bytes,
    documents: Mapping[str, bytes],
    faults: Faults,
    *,
    upstreams: Collection[str] | None,
    shelf: Shelf | None,
) -> Reading:
    top = values.mapping(compose(content, faults), faults, KEYS, ("release", "serves", "stages"))
    serves = values.mapping(top.get("serves"), faults, ("inference", "weights"))
    model = values.mapping(top.get("model"), faults, MODEL_KEYS)
    training_flop = read_flop(model.get("training_flop"), faults)
    developer = read_developer(model.get("developer"), faults)
    check_flop(model, training_flop, developer, faults)
    release = _read_name(top.get("release"), faults)
    listed = values.truth(top.get("listed"), faults)
    terms, texts = _read_terms(top.get("terms"), documents, faults)
    audiences = _read_audiences(top.get("audiences"), faults)
    declared = Declared(tuple(serves), terms, audiences, "snapshot" in model)
    stages = _read_stages(top.get("stages"), declared, faults)
    _check_used(top, stages, faults)
    weights = read_weights(serves.get("weights"), faults)
    notes = check_weights(weights, serves["weights"], shelf, faults) if shelf and weights is not None else ()
    form = read_form(top.get("requests"), audiences.values(), faults)
    strategy = Strategy(
        release=release,
        listed=listed is not False,
        inference=read_inference(serves.get("inference"), upstreams, faults),
        weights=weights,
        modality=read_modality(model.get("modality"), faults),
        parameters=values.whole(model.get("parameters"), faults, 1),
        training_flop=training_flop,
        bio_sequence_flop=read_flop(model.get("bio_sequence_flop"), faults),
        attestations=read_attestations(model.get("attestations"), faults),
        developer=developer,
        snapshot=read_snapshot(model.get("snapshot"), faults),
        terms=terms,
        audiences=audiences,
        requests=form,
        stages=() if faults.found else tuple(stage.stage() for stage in stages),
    )
    return Reading(
        name=name,
        release=release,
        strategy=None if faults.found else strategy,
        documents=texts,
        faults=tuple(sorted(faults.found)),
        dates=dates_of(stages),
        notes=notes,
    )


def _unreadable(name: str, faults: Faults) -> Reading:
    return Reading(name=name, release="", strategy=None, documents={}, faults=tuple(sorted(faults.found)), dates=())


def is_release_name(text: str) -> bool:
    """Whether a release could be called so."""
    return _RELEASE.fullmatch(text) is not None and max(len(part) for part in text.split("/")) <= 96


def _read_name(node: Node | None, faults: Faults) -> str:
    release = values.text(node, faults)
    if release is None or node is None:
        return ""
    form = _RELEASE.fullmatch(release)
    if form is None or not is_release_name(release):
        faults.add(
            node, f"{shown(release)} is no name: write `namespace/name` in letters, digits and single `-`, `_`, `.`"
        )
        return ""
    if form[1].lower() in _RESERVED:
        faults.add(node, f"the namespace `{form[1]}` means something else to clients: choose another")
    return release


def _read_terms(
    node: Node | None, documents: Mapping[str, bytes], faults: Faults
) -> tuple[dict[str, str], dict[str, bytes]]:
    """Digests by name, and texts by digest."""
    pinned: dict[str, str] = {}
    texts: dict[str, bytes] = {}
    for name, item in values.named(node, faults).items():
        if isinstance(node, MappingNode) and not values.is_word(name):
            faults.add_key(node, name, f"{shown(name)} cannot be a name: write lower-case words joined by `-`")
        pinned[name] = ""
        path = values.path(item, faults)
        if path is None:
            continue
        content = documents.get(path)
        if fault := _document_fault(content):
            faults.add(item, f"the text of {shown(path)} {fault}")
        elif content is not None:
            pinned[name] = digest_of(content)
            texts[pinned[name]] = content
    return pinned, texts


def _document_fault(content: bytes | None) -> str:
    if content is None:
        return "is not there: put it beside the release file under this path"
    if len(content) > DOCUMENT_BYTES_MAX:
        return f"is {len(content)} bytes long: at most {DOCUMENT_BYTES_MAX} are kept"
    try:
        readable = content.decode()
    except UnicodeDecodeError:
        return "is not UTF-8: people must be able to read what they accept"
    return "is empty, or not text: people must be able to read what they accept" if _is_no_text(readable) else ""


def _is_no_text(readable: str) -> bool:
    return not readable.strip() or "\0" in readable


def _read_audiences(node: Node | None, faults: Faults) -> dict[str, Audience]:
    audiences: dict[str, Audience] = {}
    for name, predicate in values.named(node, faults).items():
        if isinstance(node, MappingNode) and name == PUBLIC:
            faults.add_key(node, name, "`public` is everybody and built in: choose another name, or take it out")
        elif isinstance(node, MappingNode) and not values.is_word(name):
            faults.add_key(node, name, f"{shown(name)} cannot be a name: write lower-case words joined by `-`")
        audiences[name] = read_audience(predicate, faults)
    return audiences


def _read_stages(node: Node | None, declared: Declared, faults: Faults) -> list[StageRead]:
    items = [] if node is None else values.sequence(node, faults)
    if node is not None and len(items) > STAGES_MAX:
        faults.add(node, f"there are {len(items)} stages: a release has at most {STAGES_MAX}")
        items = items[:STAGES_MAX]
    stages = [read_stage(item, declared, faults, is_first=place == 0) for place, item in enumerate(items)]
    seen: set[str] = set()
    for stage in stages:
        if stage.name and stage.name in seen:
            faults.add(stage.fields["name"], f"another stage is called {shown(stage.name)}: choose another name")
        seen.add(stage.name)
    check_order(stages, faults)
    check_lines(stages, faults)
    return stages


def _check_used(top: Mapping[str, Node], stages: Collection[StageRead], faults: Faults) -> None:
    """What is declared and never used looks enforced and is not."""
    used = {
        "audiences": {name for stage in stages for name in stage.to},
        "terms": {name for stage in stages for name in stage.conditions.terms},
    }
    advice = {
        "audiences": "no stage is for {}: name it under `to`, or take it out",
        "terms": "no stage requires {}: name it under `conditions.terms`, or take it out",
    }
    for key, names in used.items():
        node = top.get(key)
        if isinstance(node, MappingNode):
            for name in node.entries.keys() - names - {PUBLIC}:
                faults.add_key(node, name, advice[key].format(shown(name)))
