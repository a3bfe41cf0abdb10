"""The notify stage: people are told once that something is wrong, and once that it is over.

What there is to tell waits in an outbox, written with what caused it, and goes out at least once.
"""
