"""The catalog stage: which files are a table's, and what its columns are.

Shaped like the Glue Data Catalog. A table changes only by `replace`: a set of source keys goes, a
set of files comes, in one step. A reader sees whole commits.
"""
