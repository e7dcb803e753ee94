"""Proposed strategy versions: what was planned, who agreed, and how each is kept."""
