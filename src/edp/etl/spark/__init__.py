"""The Spark scheduler: the files of one job, spread over the tasks of a cluster.

    manifest   the job as lines of JSON, and the result that answers it
    place      where a job's work lies: a folder that all tasks see, or a bucket
    sharing    which files go into one task; large Parquet files are split by row group
    task       what a task does: the engine over its files, in a process of its own
    driver     tasks are started, tried again in halves, and their answers become one result
    shuffle    rows by key hash, for what spans files
    etl        the etl port: hands jobs to a driver process, rewrites to a worker here

Spark schedules and retries. What is read and written, and what it means, is the engine's alone.
Nothing that a task writes counts until the result names it.
"""
