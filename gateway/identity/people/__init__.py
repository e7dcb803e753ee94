"""People: who they are to this gateway, how they sign in, and the sessions that they then hold."""
