"""The ledger stage: custody of every object version, from acceptance to its outcome.

Once a version is accepted it is in exactly one state, and somebody owes what comes next: a lease
that lapses gives the work to the next worker, and a fence keeps the late one from committing.
"""
