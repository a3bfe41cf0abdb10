-- name: ready
SELECT dataset, cohort, count(*) AS files, sum(coalesce(size, 0)) AS bytes,
       min(changed_at) AS oldest, min(id) AS first, max(attempts) AS attempts
FROM version WHERE state = 'queued' AND not_before <= :now
GROUP BY dataset, cohort ORDER BY first;

-- name: candidates
SELECT id, coalesce(size, 0) AS size FROM version
WHERE state = 'queued' AND not_before <= :now AND dataset = :dataset AND cohort IS :cohort
ORDER BY id LIMIT :limit;

-- name: add_run
INSERT INTO run (id, dataset, state, engine, contract, started_at)
VALUES (:id, :dataset, 'running', :engine, :contract, :now);

-- name: lease
UPDATE version SET state = 'running', changed_at = :now, run_id = :run_id, fence = fence + 1,
                   lease_until = :now + :lease
WHERE id = :id;

-- name: add_member
INSERT INTO run_member (run_id, version_id, fence)
SELECT :run_id, id, fence FROM version WHERE id = :id;

-- name: members
SELECT v.id, o.bucket, o.key, v.version, v.size, v.sha256, v.etag, m.fence, v.attempts, v.arrived_at,
       o.head = v.id AS head
FROM run_member m JOIN version v ON v.id = m.version_id JOIN object o ON o.id = v.object_id
WHERE m.run_id = :run_id AND v.run_id = m.run_id AND v.fence = m.fence AND v.state = 'running'
ORDER BY v.id;

-- name: extend
UPDATE version SET lease_until = :now + :lease WHERE run_id = :run_id AND state = 'running';

-- name: displace
UPDATE version SET state = 'superseded', changed_at = :now, error_message = 'a newer version committed'
WHERE object_id = (SELECT object_id FROM version WHERE id = :id) AND state = 'committed' AND id <> :id;

-- name: commit
UPDATE version SET
    state = 'committed', changed_at = :now, committed_at = :now, lease_until = NULL, cohort = NULL,
    attempts = attempts + 1,
    sha256 = :sha256, size = :size, rows_read = :rows_read, rows_written = :rows_written,
    rows_duplicate = :rows_duplicate, rows_filtered = :rows_filtered,
    rows_rejected = :rows_rejected, engine = :engine, contract = :contract,
    error_code = NULL, error_message = NULL
WHERE id = :id AND fence = :fence AND state = 'running';

-- name: recount
UPDATE version SET
    rows_read = :rows_read, rows_written = :rows_written, rows_duplicate = :rows_duplicate,
    rows_filtered = :rows_filtered, rows_rejected = :rows_rejected, contract = :contract
WHERE state = 'committed' AND object_id IN (SELECT id FROM object WHERE key = :key);

-- name: run_facts
SELECT engine, contract FROM run WHERE id = :run_id;

-- name: supersede
UPDATE version SET state = 'superseded', changed_at = :now, lease_until = NULL,
                   error_code = NULL, error_message = :note
WHERE id = :id AND fence = :fence AND state = 'running';

-- name: fail
UPDATE version SET
    state = :state, changed_at = :now, lease_until = NULL, attempts = attempts + 1,
    not_before = :not_before, error_code = :code, error_message = :message,
    rows_read = :rows_read, rows_written = :rows_written, rows_duplicate = :rows_duplicate,
    rows_filtered = :rows_filtered, rows_rejected = :rows_rejected
WHERE id = :id AND fence = :fence AND state = 'running';

-- name: release
UPDATE version SET state = 'queued', changed_at = :now, lease_until = NULL, cohort = :cohort,
                   not_before = :not_before
WHERE id = :id AND fence = :fence AND state = 'running';

-- name: end
UPDATE run SET
    state = :state, ended_at = :now, error_code = :code, error_message = :message,
    rows_read = s.rows_read, rows_written = s.rows_written, rows_duplicate = s.rows_duplicate,
    rows_filtered = s.rows_filtered, rows_rejected = s.rows_rejected
FROM (
    SELECT sum(rows_read) AS rows_read, sum(rows_written) AS rows_written,
           sum(rows_duplicate) AS rows_duplicate, sum(rows_filtered) AS rows_filtered,
           sum(rows_rejected) AS rows_rejected
    FROM version WHERE run_id = :run_id AND state = 'committed') AS s
WHERE id = :run_id AND run.state = 'running';

-- name: running
SELECT r.id AS run_id, r.engine, r.started_at,
       coalesce(max(v.lease_until), r.started_at) AS lease_until
FROM run r LEFT JOIN version v ON v.run_id = r.id AND v.state = 'running'
WHERE r.state = 'running' GROUP BY r.id ORDER BY r.id;

-- name: running_one
SELECT id AS run_id, dataset, engine, started_at FROM run WHERE id = :run_id AND state = 'running';

-- name: lapsed
SELECT r.id AS run_id, r.dataset, r.engine, r.started_at FROM run r
WHERE r.state = 'running' AND (:orphaned OR NOT EXISTS (
    SELECT 1 FROM version v WHERE v.run_id = r.id AND v.state = 'running' AND v.lease_until > :now))
ORDER BY r.id;
