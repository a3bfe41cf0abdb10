"""The events stage: what happened, written in the transaction that made it happen."""
