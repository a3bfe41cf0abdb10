"""The product's sentences, in terms of the stages' ports.

feed        bytes go into the source and an event tells of them
intake      a message's records become versions in the ledger, or dead letters
work        the loop: intake, claim, run, commit
run         a batch of versions becomes rows, receipts and files, or is split and tried again
replace     the one write: keys go, files come
reconcile   versions that no event told of are found by listing
retract     a file's rows are taken out of its table
redrive     dead letters are tried again, or given up
crawl       Parquet that others put into the target becomes tables
"""
