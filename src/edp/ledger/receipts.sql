-- name: receipts
SELECT v.*, o.key FROM version v JOIN object o ON o.id = v.object_id
WHERE :keys IS NULL OR o.key IN (SELECT value FROM json_each(:keys))
ORDER BY v.id;

-- name: heads
SELECT v.*, o.key FROM object o JOIN version v ON v.id = o.head
WHERE o.key IN (SELECT value FROM json_each(:keys));

-- name: committed
SELECT o.key, v.version, v.sha256, v.dataset, v.committed_at AS at FROM version v JOIN object o ON o.id = v.object_id
WHERE o.key IN (SELECT value FROM json_each(:keys)) AND v.state = 'committed';

-- name: runs
SELECT r.*, (SELECT count(*) FROM run_member m WHERE m.run_id = r.id) AS files
FROM run r ORDER BY r.started_at, r.id;

-- name: history
SELECT e.at, v.version, e.before, e.after AS state, e.run_id, e.attempts, e.note
FROM ledger_event e JOIN version v ON v.id = e.version_id JOIN object o ON o.id = v.object_id
WHERE o.key = :key ORDER BY e.id;

-- name: states
SELECT coalesce(dataset, '') AS dataset, state, count(*) AS n FROM version
GROUP BY dataset, state ORDER BY dataset, state;

-- name: counters
SELECT name, n FROM counter WHERE name <> 'sequencer' ORDER BY name;

-- name: pending
SELECT count(*) FROM version v JOIN object o ON o.id = v.object_id
WHERE v.state IN ('queued', 'running')
  AND (:keys IS NULL OR o.key IN (SELECT value FROM json_each(:keys)));

-- name: next_ready_at
SELECT min(CASE WHEN attempts OR cohort IS NOT NULL THEN not_before
                ELSE max(not_before, changed_at + :max_wait) END)
FROM version WHERE state = 'queued';

-- name: backlog
SELECT count(*) FROM version WHERE state IN ('queued', 'running');

-- name: waiting_since
-- the one that is taken next: those that failed wait in order of their next try
SELECT changed_at FROM version WHERE state = 'queued' ORDER BY not_before, id LIMIT 1;

-- name: newest_commits
-- one step down the index for each dataset, however many versions it has
WITH RECURSIVE one(dataset) AS (
    SELECT min(dataset) FROM version
    UNION ALL
    SELECT (SELECT min(dataset) FROM version v WHERE v.dataset > one.dataset) FROM one
    WHERE one.dataset IS NOT NULL)
SELECT dataset, (SELECT max(committed_at) FROM version v WHERE v.dataset = one.dataset) AS at
FROM one WHERE dataset IS NOT NULL;

-- name: recent_files
SELECT v.dataset, count(*) AS files, coalesce(sum(rows_read), 0) AS rows_read,
       coalesce(sum(rows_rejected), 0) AS rows_rejected
FROM json_each(:datasets) d CROSS JOIN version v ON v.dataset = d.value AND v.committed_at > :since
GROUP BY v.dataset;

-- name: recent_wait
-- the wait that so many files took longer than; only those are kept while it sorts
SELECT v.committed_at - v.arrived_at AS wait
FROM json_each(:datasets) d CROSS JOIN version v ON v.dataset = d.value AND v.committed_at > :since
ORDER BY wait DESC LIMIT 1 OFFSET :longer;

-- name: usual
SELECT coalesce(sum(rows_read), 0) AS rows_read, coalesce(sum(rows_written), 0) AS rows_written,
       coalesce(sum(rows_duplicate), 0) AS rows_duplicate,
       coalesce(sum(rows_filtered), 0) AS rows_filtered,
       coalesce(sum(rows_rejected), 0) AS rows_rejected
FROM (SELECT * FROM version WHERE dataset = :dataset AND committed_at IS NOT NULL
      ORDER BY committed_at DESC LIMIT :files);

-- name: totals
SELECT dataset, state, count(*) AS runs, coalesce(sum(rows_read), 0) AS rows_read,
       coalesce(sum(rows_written), 0) AS rows_written,
       coalesce(sum(rows_duplicate), 0) AS rows_duplicate,
       coalesce(sum(rows_filtered), 0) AS rows_filtered,
       coalesce(sum(rows_rejected), 0) AS rows_rejected
FROM run WHERE ended_at IS NOT NULL GROUP BY dataset, state ORDER BY dataset, state;

-- name: recent_runs
SELECT dataset, count(*) AS runs, sum(state IN ('failed', 'lost')) AS runs_failed
FROM run WHERE ended_at > :since AND state <> 'released' GROUP BY dataset;
