"""Evidence: dated, digest-pinned facts that requirements read, and the words of those who vouch for them."""
