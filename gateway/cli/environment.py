"""What the environment tells this command: its only reader here. Secrets come by it, never by the command line."""

import os
from pathlib import Path

from gateway.cli.failures import NotPermitted


def key_set() -> str:
    """The key in GATEWAY_KEY; empty where none is set."""
    key = os.environ.get("GATEWAY_KEY", "").strip()
    if not key.isascii() or not (key.isprintable() or not key):
        raise NotPermitted("GATEWAY_KEY does not hold a key.", "Look at how it was set.")
    return key


def client_secret() -> str:
    """The secret in GATEWAY_CLIENT_SECRET. Raises NotPermitted where none is set."""
    secret = os.environ.get("GATEWAY_CLIENT_SECRET", "").strip()
    if not secret:
        raise NotPermitted(
            "No client's secret is set.",
            "Put it into GATEWAY_CLIENT_SECRET: `export GATEWAY_CLIENT_SECRET=rsg_…`; one that signs: `--key-file`.",
        )
    return secret


def configuration() -> Path:
    """`~/.config/release-gateway`, or where XDG_CONFIG_HOME has it; a relative one is ignored, as its rules want."""
    given = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".config") / "release-gateway"


def comes_from_afar() -> bool:
    """Whether whoever types sits before another computer, where a browser here is of no use."""
    return "SSH_CONNECTION" in os.environ
