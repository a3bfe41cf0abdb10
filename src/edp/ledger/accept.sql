-- name: object
SELECT id, head FROM object WHERE bucket = :bucket AND key = :key;

-- name: add_object
INSERT INTO object (bucket, key) VALUES (:bucket, :key);

-- name: set_head
UPDATE object SET head = :head WHERE id = :object_id;

-- name: next_number
UPDATE object SET numbered = numbered + 1 WHERE id = :object_id RETURNING numbered;

-- name: version
SELECT * FROM version WHERE id = :id;

-- name: by_version
SELECT * FROM version WHERE object_id = :object_id AND version = :version;

-- name: by_sequencer
SELECT v.* FROM heard h JOIN version v ON v.id = h.version_id
WHERE h.object_id = :object_id AND h.sequencer = :sequencer;

-- name: by_time
SELECT * FROM version WHERE object_id = :object_id AND sequencer IS NULL
  AND event_time = :event_time AND etag IS :etag AND size IS :size;

-- name: hear
INSERT INTO heard (object_id, sequencer, version_id) VALUES (:object_id, :sequencer, :version_id)
ON CONFLICT DO NOTHING;

-- name: find_head
SELECT v.* FROM object o JOIN version v ON v.id = o.head
WHERE o.bucket = :bucket AND o.key = :key;

-- name: find
SELECT v.*, o.head, o.bucket, o.key FROM version v JOIN object o ON o.id = v.object_id
WHERE o.bucket = :bucket AND o.key = :key AND v.version = :version;

-- name: add_version
INSERT INTO version (object_id, version, dataset, sequencer, event_time, etag, size, sha256,
                     arrived_at, changed_at, state, error_code, error_message)
VALUES (:object_id, :version, :dataset, :sequencer, :event_time, :etag, :size, :sha256,
        :arrived_at, :now, :state, :error_code, :error_message);

-- name: take_over
-- the same bytes under a newer VersionId: the receipt goes with them, and no run is needed
UPDATE version SET
    state = 'committed', changed_at = :now, dataset = was.dataset, run_id = was.run_id, rows_read = was.rows_read,
    rows_written = was.rows_written, rows_duplicate = was.rows_duplicate,
    rows_filtered = was.rows_filtered, rows_rejected = was.rows_rejected, engine = was.engine,
    contract = was.contract, committed_at = was.committed_at,
    sha256 = coalesce(version.sha256, was.sha256)
FROM version AS was WHERE version.id = :id AND was.id = :was;

-- name: move_sequencer
UPDATE version SET sequencer = coalesce(:sequencer, sequencer), event_time = :event_time WHERE id = :id;

-- name: bind_content
UPDATE version SET sha256 = :sha256 WHERE id = :id;

-- name: set_state
UPDATE version SET state = :state, changed_at = :now, error_code = :code, error_message = :message
WHERE id = :id;

-- name: requeue
-- rows that are in a table already are not waited for since the file first came
UPDATE version
SET arrived_at = CASE WHEN committed_at IS NULL THEN arrived_at ELSE :now END,
    state = 'queued', changed_at = :now, not_before = 0, attempts = 0, cohort = NULL,
    dataset = :dataset, error_code = NULL, error_message = NULL
WHERE id = :id;

-- name: announce
INSERT INTO announced (bucket, key, sha256, version_id, sequencer, etag, size, event_time)
VALUES (:bucket, :key, :sha256, :version_id, :sequencer, :etag, :size, :event_time)
ON CONFLICT DO NOTHING;

-- name: announced_event
SELECT * FROM announced
WHERE bucket = :bucket AND key = :key AND version_id = :version_id AND sequencer = :sequencer
  AND etag IS :etag AND size IS :size;

-- name: announced_content
SELECT * FROM announced WHERE bucket = :bucket AND key = :key AND sha256 = :sha256;

-- name: sequencers
SELECT sequencer FROM announced WHERE bucket = :bucket AND key = :key AND sequencer <> ''
UNION
SELECT v.sequencer FROM version v JOIN object o ON o.id = v.object_id
WHERE o.bucket = :bucket AND o.key = :key AND v.sequencer IS NOT NULL;

-- name: forget_announced
DELETE FROM announced WHERE bucket = :bucket AND key = :key AND version_id = :version_id
                        AND sequencer = :sequencer AND sha256 = :sha256;

-- name: next_sequencer
INSERT INTO counter (name, n) VALUES ('sequencer', :now_ns)
ON CONFLICT (name) DO UPDATE SET n = max(n + 1, excluded.n) RETURNING n;

-- name: seen
SELECT key, stat, sha256 FROM seen
WHERE :keys IS NULL OR key IN (SELECT value FROM json_each(:keys));

-- name: note_seen
INSERT INTO seen (key, stat, sha256) VALUES (:key, :stat, :sha256)
ON CONFLICT (key) DO UPDATE
SET stat = excluded.stat, sha256 = excluded.sha256;

-- name: count
INSERT INTO counter (name, n) VALUES (:name, :n) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n;
