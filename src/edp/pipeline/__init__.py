"""The product's sentences, in terms of the stages' ports.

feed        bytes go into the source and an event tells of them
intake      a message's records become versions in the ledger, or dead letters
ingest      files are put, loaded, and answered for by a receipt each
work        the loop: intake, claim, run, commit
service     the loop for good: woken by who brings work, by the watcher, by a signal to stop
foreground  a caller waits for work, done by itself or by the process that is at it already
run         a batch of versions becomes rows, receipts and files, or is split and tried again
replace     the one write: keys go, files come
reconcile   versions that no event told of are found by listing
retract     a file's rows are taken out of its table
redrive     dead letters are tried again, or given up
crawl       Parquet that others put into the target becomes tables
"""
