"""What the ledger was at a size, signed and kept by others: published here, and held against it later."""
