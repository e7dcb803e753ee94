"""Traces of calls, for the operator's own OpenTelemetry collector: what the ledger says of a call, and when it was."""
