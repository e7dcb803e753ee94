"""Signing the command line in as a person: authorization codes, device codes, and tokens that are renewed."""
