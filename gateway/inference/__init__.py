"""The door for models."""
