"""The door where machines sign in: OAuth 2.0 in its own shape, errors included."""
