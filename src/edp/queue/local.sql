-- name: send
INSERT INTO message (queue, body, attributes, sent_at, visible_at)
VALUES (:queue, :body, :attributes, :now, :now + :delay);

-- name: receive
UPDATE message
SET visible_at = :now + :timeout, receives = receives + 1, receipt = id || ':' || :token
WHERE id IN (
    SELECT id FROM message WHERE queue = :queue AND visible_at <= :now
    ORDER BY visible_at, id LIMIT :limit)
RETURNING id, receipt, body, attributes, receives, sent_at, visible_at;

-- name: show_at
UPDATE message SET visible_at = :at WHERE id = :id AND receipt = :receipt;

-- name: ack
DELETE FROM message WHERE id = :id AND receipt = :receipt;

-- name: forget
DELETE FROM message WHERE id = :id;

-- name: show_all
UPDATE message SET visible_at = :now WHERE queue = :queue AND receipt IS NOT NULL AND visible_at > :now;

-- name: depth
SELECT count(*) FROM message WHERE queue = :queue;

-- name: oldest_at
SELECT min(sent_at) FROM message WHERE queue = :queue;

-- name: add_dead_letter
INSERT INTO dead_letter (id, cause_id, kind, code, reason, dataset, key, version, body, attributes,
                         attempts, run_id, first_at, last_at)
VALUES (:id, :cause_id, :kind, :code, :reason, :dataset, :key, :version, :body, :attributes,
        :attempts, :run_id, :now, :now)
ON CONFLICT (id) DO UPDATE SET
    cause_id = excluded.cause_id, code = excluded.code, reason = excluded.reason,
    attempts = max(attempts, excluded.attempts), run_id = coalesce(excluded.run_id, run_id),
    count = count + 1, last_at = excluded.last_at;

-- name: dead_letters
SELECT * FROM dead_letter ORDER BY first_at, id;

-- name: dead_letter
SELECT * FROM dead_letter WHERE id = :id;

-- name: causes
SELECT cause_id, count(*) AS n FROM dead_letter GROUP BY cause_id;

-- name: remove_dead_letter
DELETE FROM dead_letter WHERE id = :id;
