"""The benchmarks: the same work by EDP and by what people write by hand, side by side.

    work        what is to be done with the data: columns, rules, derived columns, partitions
    orders      the data, generated: the same bytes each time
    peers       programs that do the work; each is a process of its own
    meter       CPU, wall time and peak memory of a process and all that it starts
    equal       what the peers wrote is equal, or the round does not count
    throughput  sets of data, rounds of peers; ratios to hand-written SQL in the same round
    latency     from `put` to the answer of a query, under `edp up`
    intake      durable events a second
    startup     how long commands take that do nearly nothing
    machine     what all this was measured on

`python -m benchmarks --help` (or `make bench ARGS="--help"`) tells the options.
"""
