"""What a facts file says, and every mistake in it at its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidFile
from gateway.releases.histories import DatedFact, Grade, Label, Shortfall, Source
from gateway.releases.history_files import read_history
from gateway.releases.strategies import AccessLevel

FILE = """\
system: Atlas
developer: Acme
sources:
  card: {title: Atlas card, publisher: Acme, url: https://example.com/card}
facts:
  - {when: 2023-07-06, says: It opened., opens: general, access: api, source: card, grade: primary}
  - when: 2024
    says: It closed.
    closes: general
    chosen: the first of the year
    source: unverified
    grade: unverified
    dispute: Some say 2025.
labels_elsewhere:
  - {label: open, says: A catalogue says so., source: card}
not_expressed:
  - {what: A cap., nearest: A grant for each.}
"""


def a_file(*changes: tuple[str, str]) -> bytes:
    """The file above with texts replaced; each must be there, so that no change is lost unseen."""
    text = FILE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


def mistakes(content: bytes) -> list[str]:
    """Each as `line where message`."""
    with pytest.raises(InvalidFile) as refused:
        read_history(content, "atlas.facts.yaml")
    return [f"{fault.line} {fault.where} {fault.message}" for fault in refused.value.faults]


def test_a_facts_file_says_what_it_says() -> None:
    history = read_history(a_file(), "atlas.facts.yaml")

    opened, closed = history.facts
    assert (history.system, history.developer) == ("Atlas", "Acme")
    assert history.sources == {"card": Source("Atlas card", "Acme", "https://example.com/card")}
    assert (opened.when, opened.opens, opened.access) == ("2023-07-06", "general", AccessLevel.API)
    assert closed == DatedFact(
        when="2024",
        says="It closed.",
        closes="general",
        chosen="the first of the year",
        source="unverified",
        grade=Grade.UNVERIFIED,
        dispute="Some say 2025.",
    )
    assert history.labels_elsewhere == (Label("open", "A catalogue says so.", "card"),)
    assert history.not_expressed == (Shortfall("A cap.", "A grant for each."),)


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ((", source: card, grade: primary", ", grade: primary"), "6 facts[0] `source` is missing"),
        ((", grade: primary", ""), "6 facts[0] `grade` is missing"),
        (("source: card, grade", "source: cart, grade"), "6 facts[0].source `cart` is not known here. Did you mean"),
        (("grade: primary", "grade: certain"), "6 facts[0].grade `certain` is not known here"),
        (("grade: primary", "grade: unverified"), "6 facts[0].grade what names a source is primary or secondary"),
        (("    grade: unverified", "    grade: primary"), "12 facts[1].grade what names a source is primary"),
        (("2023-07-06", "2023-02-30"), "6 facts[0].when `2023-02-30` is no day, month or year"),
        (("2023-07-06", "July 2023"), "6 facts[0].when `July 2023` is no day, month or year"),
        (("2023-07-06", "2023-07"), "6 facts[0] the source names no day: say under `chosen`"),
        (("    chosen: the first of the year\n", ""), "7 facts[1] the source names no day: say under `chosen`"),
        (("opens: general, access: api, ", "chosen: so, "), "6 facts[0].chosen this fact dates no stage"),
        (("access: api, ", ""), "6 facts[0] `opens` and `access` go together"),
        (("opens: general, ", ""), "6 facts[0].access `opens` and `access` go together"),
        (("access: api", "access: ajar"), "6 facts[0].access `ajar` is not known here"),
        (("access: api,", "access: api, closes: general,"), "6 facts[0].closes a fact is of one date"),
        (("closes: general", "opens: general\n    access: api"), "7 facts[1] another fact opens `general`"),
        (("https://example.com/card", "example.com"), "4 sources.card.url `example.com` is no address"),
        (("sources:", "sources:\n  blog: {title: A, publisher: B}"), "4 sources.blog nothing rests on `blog`"),
        (("publisher: Acme, ", ""), "4 sources.card `publisher` is missing"),
        (("system: Atlas\n", ""), "1  `system` is missing"),
        (("developer", "devloper"), "2 devloper there is no key `devloper` here. Did you mean `developer`?"),
        ((", nearest: A grant for each.", ""), "17 not_expressed[0] `nearest` is missing"),
        (("source: card}", "source: me}"), "15 labels_elsewhere[0].source `me` is not known here"),
    ],
)
def test_a_mistake_is_told_at_its_line(change: tuple[str, str], mistake: str) -> None:
    assert [found for found in mistakes(a_file(change)) if found.startswith(mistake)], mistakes(a_file(change))


def test_all_mistakes_are_told_at_once() -> None:
    told = mistakes(a_file(("2023-07-06", "someday"), ("publisher: Acme, ", ""), ("what: A cap., ", "")))

    assert [line.split()[0] for line in told] == ["4", "6", "17"]


def test_an_empty_facts_file_is_told_how_to_start() -> None:
    assert mistakes(b"\n") == ["1  the file is empty: it must start with `system:`"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_end_in_a_history_or_in_mistakes(content: bytes) -> None:
    assert mistakes(content)


@given(st.integers(0, len(FILE) - 1), st.sampled_from(["", "[", "{", ":", "- ", "\n", "'", "&a ", "2023"]))
def test_a_facts_file_with_a_character_changed_is_read_or_refused(place: int, token: str) -> None:
    content = (FILE[:place] + token + FILE[place + 1 :]).encode()

    try:
        assert read_history(content, "atlas.facts.yaml").facts
    except InvalidFile as refused:
        assert refused.faults
