"""release-gateway: makes a release strategy come true for every call and every download."""

__version__ = "0.1.0"
