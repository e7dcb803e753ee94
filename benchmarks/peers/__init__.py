"""The systems the gateway is measured beside, each one process, without a database and without logging."""

from pathlib import Path

PEERS = Path(__file__).parent.parent / ".peers"
"""Where `make bench-peers` installs them."""
PYTHON = PEERS / "python"
NODE = PEERS / "node"
INSTALL = "run `make bench-peers`"


def installed_version(distribution: str) -> str | None:
    """The version of a Python distribution among the peers; they have an environment of their own."""
    for found in PYTHON.glob(f"lib/python*/site-packages/{distribution}-*.dist-info"):
        return found.name.removesuffix(".dist-info").rpartition("-")[2]
    return None
