"""The topic stage: one event fans out to every subscribed queue."""
