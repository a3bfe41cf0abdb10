"""The source stage: bytes arrive under a key and wait to be read.

Every object version is seen: events tell of most, and a listing finds the rest.
"""
