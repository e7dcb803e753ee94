"""Whether this may pass."""
