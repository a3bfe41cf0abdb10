"""The lineage stage: which files a table was made of, told to others."""
