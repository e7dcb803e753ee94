"""Concurrences: authorities outside that agree to one organisation's use of a release."""
