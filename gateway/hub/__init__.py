"""The door for weights."""
