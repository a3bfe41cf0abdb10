"""The target stage: staged Parquet becomes durable under its final name.

A file in the target means nothing by itself: the catalog says which files are a table's.
"""
