"""A model that is none: an OpenAI-speaking server on loopback whose every answer says that it is simulated."""
