"""Values that travel between the stages; nothing here does I/O on a store."""
