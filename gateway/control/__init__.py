"""The door for providers and auditors."""
