"""People and groups as another system lists them: kept, found, and taken away at once."""
