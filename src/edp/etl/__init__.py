"""The etl stage: a batch of source files is read, cleaned and staged as Parquet.

A job runs in a worker process: what kills the parser kills the worker, never the service.
"""
