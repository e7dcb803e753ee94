"""Access tokens: this gateway's own, and those of issuers that the operator declared."""
