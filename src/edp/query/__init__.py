"""The query stage: SQL over the files that the catalog lists, and over the records of the work.

A query sees the catalog as it was when the query began: whole commits over all tables.
"""
