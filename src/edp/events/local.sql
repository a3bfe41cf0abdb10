-- name: put
INSERT INTO event (at, source, detail_type, detail) VALUES (:now, 'edp', :detail_type, :detail);

-- name: since
SELECT id, at, source, detail_type, detail FROM event WHERE id > :after ORDER BY id;
