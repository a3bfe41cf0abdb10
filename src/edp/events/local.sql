-- name: put
INSERT INTO event (at, source, detail_type, detail) VALUES (:now, 'edp', :detail_type, :detail);

-- name: last_id
SELECT coalesce(max(id), 0) FROM event;

-- name: forget
-- the newest stays, so that no id is given a second time
DELETE FROM event WHERE at < :before AND id < (SELECT max(id) FROM event);

-- name: since
SELECT id, at, source, detail_type, detail FROM event WHERE id > :after ORDER BY id;
