-- name: put
INSERT INTO event (event_id, at, source, detail_type, resources, detail)
VALUES (:event_id, :at, :source, :detail_type, :resources, :detail);

-- name: last_id
SELECT coalesce(max(id), 0) FROM event;

-- name: forget
-- the newest stays, so that no id is given a second time
DELETE FROM event WHERE at < :before AND id < (SELECT max(id) FROM event);

-- name: since
SELECT id, event_id, at, source, detail_type, resources, detail FROM event
WHERE id > :after ORDER BY id LIMIT :limit;
