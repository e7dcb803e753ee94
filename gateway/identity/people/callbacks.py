"""Where identity providers send people back (OpenID Connect Core 1.0, 3.1.2.5; RFC 9700, 4.4.2.2)."""

from collections.abc import Collection

CALLBACK = "/control/session/callback"
"""Where the only provider sends people back; each of several does below it, under its name."""


def callback_of(name: str, providers: Collection[str]) -> str:
    """The path to which a provider sends people back.

    Where there are several, each has its own (RFC 9700, 4.4.2.2): an answer of one is never taken for another's, whose
    token endpoint would be handed the code, even where neither says who it is (RFC 9207).
    """
    return CALLBACK if len(providers) == 1 else f"{CALLBACK}/{name}"
