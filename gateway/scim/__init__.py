"""The door for whoever keeps the list of people: SCIM 2.0 in its own shape, errors included."""
