"""The judges: one port, an embedded engine and an OPA server behind it."""
