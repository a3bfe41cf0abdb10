"""EDP: files that land in a bucket become clean, deduplicated tables, once each.

The way of a file, and the folder where each step lives:

    source    bytes arrive under a key, and an event says so
    topic     the event fans out to every subscribed queue
    queue     the message waits, at least once, until intake takes it
    ledger    the object version is accepted: from here on somebody owes its outcome
    etl       a worker process reads a batch of files and stages Parquet
    target    staged files become durable under their final names
    catalog   one `replace` makes them the table's files; the ledger says committed
    crawler   finds Parquet that others put into the target
    query     SQL over the files that the catalog lists
    events    what happened, for people and for rules

`pipeline` is these steps in sentences, `wiring` picks the adapters, `cli` is what a person types.
"""
