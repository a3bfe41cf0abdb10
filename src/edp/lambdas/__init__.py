"""The functions on AWS: each module has a `handler`, which Lambda calls with an event.

A handler reads what came, calls the pipeline as `edp up` does, and says what of it failed.
"""
