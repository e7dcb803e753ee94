"""How the definitions of law and guidance read on a release at an instant: values in, labels with reasons out."""
