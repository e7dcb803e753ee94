"""Entries of which all but a few values are known beforehand: written once, and filled in for every call.

What a filled draft is written as is, byte for byte, what the same draft in full is written as.
"""

from typing import Any

import msgspec

from gateway.ledger.entries import INTEGER_MAX, Body, FinishedBody, written_value
from gateway.ledger.events import Event

Values = tuple[int | str, ...]


class Form:
    """An entry's event and body, but for some values in it."""

    __slots__ = ("_body", "_line", "closing", "event", "open_fields")

    def __init__(self, event: Event, body: Body, open_fields: tuple[str, ...]) -> None:
        """`open_fields` are numbers and texts of the body, in order of their names; what it has there is no matter.

        Raises Invalid where the body has no canonical bytes.
        """
        self.event = event
        self.open_fields = open_fields
        self.closing = open_fields.index("admitted") if isinstance(body, FinishedBody) else None
        """Which of the values names the admission that an end ends: it is never known beforehand."""
        self._body = body
        # Names are ASCII, so their order is that of RFC 8785.
        fields = sorted(msgspec.structs.fields(body), key=lambda field: field.name)
        members = [self._member(field, getattr(body, field.name)) for field in fields]
        self._line = b'"body":{%b},"event":"%b","id":%%b' % (b",".join(filter(None, members)), event.encode())

    def filled(self, id_: str, values: Values) -> "Filled | None":
        """A draft with these values in the open fields.

        None where one of them would not stand in the line, as nothing and naught do not, or has no exact form: such an
        entry is written in full.
        """
        for value in values:
            if not value or (type(value) is int and not 0 < value <= INTEGER_MAX):
                return None
        return Filled(id_, self, values)

    def written(self, id_: str, values: Values) -> bytes:
        """All of the entry's line that is known before it has a place."""
        slots = [value if type(value) is int else written_value(value) for value in values]
        return self._line % (*slots, written_value(id_))

    def body(self, values: Values) -> Body:
        """The body in full."""
        return msgspec.structs.replace(self._body, **dict(zip(self.open_fields, values, strict=True)))

    def _member(self, field: Any, value: object) -> bytes:
        name = field.name.encode("ascii")
        if field.name in self.open_fields:
            return b'"%b":%%%b' % (name, b"d" if field.type is int else b"b")
        if value == (field.default if field.default is not msgspec.NODEFAULT else field.default_factory()):
            return b""
        return b'"%b":%b' % (name, written_value(value).replace(b"%", b"%%"))


class Filled(msgspec.Struct, frozen=True):
    """A draft made from a form; to whoever reads it, a draft like any other."""

    id: str
    form: Form
    values: Values

    @property
    def event(self) -> Event:
        """The form's."""
        return self.form.event

    @property
    def body(self) -> Body:
        """Made when it is asked for, which hardly any is."""
        return self.form.body(self.values)

    @property
    def closes(self) -> str:
        """As that of a draft in full."""
        place = self.form.closing
        return "" if place is None else str(self.values[place])

    def written(self) -> bytes:
        """As that of a draft in full."""
        return self.form.written(self.id, self.values)
