"""Forms of a page, as a browser without scripts has them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """One form: where it goes, what it carries, and its buttons."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By the text on each: name and value."""

    def pressed(self, button: str, **typed: str) -> dict[str, str]:
        """What is sent when a button is pressed, with what was typed."""
        name, value = self.buttons[button]
        return {**self.fields, **typed, name: value}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.scripts = 0
        self._button: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.scripts += tag == "script" or any(name.startswith("on") for name in given)
        if tag == "form":
            self.forms.append(Form(given["action"], given["method"]))
        elif tag == "input" and given.get("type") == "hidden":
            self.forms[-1].fields[given["name"]] = given["value"]
        elif tag == "button":
            self._button = given["name"], given["value"]

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self.forms[-1].buttons[data.strip()] = self._button
            self._button = None


def form_in(page: str) -> Form:
    """The one form of a page that runs nothing."""
    reader = _Reader()
    reader.feed(page)
    assert reader.scripts == 0 and len(reader.forms) == 1, page
    return reader.forms[0]
