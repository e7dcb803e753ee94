"""Presets: release files that ship, of systems that were released (with what is known of them) and as templates.

A preset is a release file like any other: it is validated and applied as it stands, or fitted first.
"""

from collections.abc import Mapping
from enum import StrEnum
from itertools import groupby
from pathlib import Path

import msgspec

from gateway.clock import NEVER
from gateway.errors import NotFound
from gateway.releases.audiences import PUBLIC
from gateway.releases.files import paths_of_terms, read_release
from gateway.releases.histories import History
from gateway.releases.history_files import read_history
from gateway.releases.strategies import AccessLevel, Strategy
from gateway.releases.values import is_word, nearest
from gateway.shipped import shipped

FACTS = ".facts.yaml"


class Kind(StrEnum):
    """What a preset is for."""

    HISTORY = "history"
    TEMPLATE = "template"


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """A release file that ships, with what is known of the history it tells."""

    name: str
    kind: Kind
    content: bytes
    documents: Mapping[str, bytes]
    """The texts of its terms, by the path it gives them."""
    history: History | None
    """None for a template."""

    @property
    def file(self) -> str:
        """What the release file is called."""
        return f"{self.name}.yaml"

    def strategy(self) -> Strategy:
        """What its release file says. Raises InvalidFile."""
        return read_release(self.content, self.documents, name=self.file).strategy_at()

    def label(self) -> str:
        """What its stages go through, such as `closed → open-weights to some → open-weights`."""
        steps: list[str] = []
        stages = self.strategy().stages
        for stage, after in zip(stages, (*stages[1:], None), strict=True):
            to_some = stage.access in (AccessLevel.API, AccessLevel.OPEN_WEIGHTS) and PUBLIC not in stage.to
            steps.append(f"{stage.access} to some" if to_some else stage.access)
            if stage.closes < (NEVER if after is None else after.opens):
                steps.append("none")
        return " → ".join(step for step, _ in groupby(steps))

    @property
    def summary(self) -> str:
        """The comment with which its release file begins, its first line."""
        return self.content.decode().split("\n", 1)[0].removeprefix("# ")

    @property
    def system(self) -> str:
        """What was released; of a template, what it is for."""
        return self.history.system if self.history else self.summary.partition(":")[0]

    @property
    def developer(self) -> str | None:
        """Who released it; None for a template."""
        return self.history.developer if self.history else None

    def disputes(self) -> list[str]:
        """Where those who tell the history disagree."""
        if self.history is None:
            return []
        told = [f"{fact.when}: {fact.dispute}" for fact in self.history.facts if fact.dispute]
        return told + [f"called {label.label}: {label.says}" for label in self.history.labels_elsewhere]


def presets(kind: Kind | None = None) -> list[Preset]:
    """Every preset that ships, histories first, in order of names."""
    return [_open(name, each) for each in Kind if kind in (None, each) for name in _names(each)]


def preset(name: str) -> Preset:
    """One preset. Raises NotFound."""
    known = {each: kind for kind in Kind for each in _names(kind)}
    if not is_word(name) or name not in known:
        raise NotFound(
            f"There is no preset of this name.{nearest(name, known)}",
            next_step="See what there is: gateway release preset list",
        )
    return _open(name, known[name])


def _names(kind: Kind) -> list[str]:
    return sorted(path.stem for path in _folder(kind).glob("*.yaml") if not path.name.endswith(FACTS))


def _folder(kind: Kind) -> Path:
    return shipped("presets" if kind is Kind.HISTORY else "templates")


def _open(name: str, kind: Kind) -> Preset:
    folder = _folder(kind)
    content = (folder / f"{name}.yaml").read_bytes()
    history = None
    if kind is Kind.HISTORY:
        history = read_history((folder / f"{name}{FACTS}").read_bytes(), f"{name}{FACTS}")
    documents = {path: (folder / path).read_bytes() for path in paths_of_terms(content)}
    return Preset(name=name, kind=kind, content=content, documents=documents, history=history)
