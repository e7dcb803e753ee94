"""Looking over an installation from beside it: what is well, what is odd, what is wrong and what to do about it."""
