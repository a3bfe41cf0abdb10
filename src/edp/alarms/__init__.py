"""The alarms stage: in which state each alarm is, and how it came there."""
