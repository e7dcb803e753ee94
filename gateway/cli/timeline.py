"""`gateway release show NAME --timeline`: the stages drawn in the terminal."""

import sys

from gateway.cli.asking import ask
from gateway.cli.drawing import ASCII, draw, glyphs_for
from gateway.cli.showing import show_json, wants_json

PIPE_WIDTH = 80


def show_timeline(path: str, at: str | None, *, ascii_safe: bool) -> None:
    """Ask for the timeline of the release at `path`, and draw it."""
    timeline = ask("GET", f"{path}/timeline", query={"at": at})
    if wants_json():
        return show_json(timeline)
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    glyphs = ASCII if ascii_safe else glyphs_for(sys.stdout.encoding)
    for line in draw(timeline, console.width, glyphs, asked=at is not None):
        text = Text(line.text)
        if line.colour:
            text.stylize(line.colour, line.start, line.end)
        console.print(text, no_wrap=True, crop=False, overflow="ignore", soft_wrap=True)
    return None
