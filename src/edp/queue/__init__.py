"""The queue stage: work waits here until intake takes it.

Delivery is at least once and unordered, as in SQS; whoever takes a message must be idempotent.
"""
