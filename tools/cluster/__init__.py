"""The gateway as it runs in production, on loopback: PostgreSQL, OPA, two gateways and nginx. `make cluster`."""
