"""Reviews of stages that were missed."""
