-- What the journal keeps of versions. `ids` is a JSON array of versions' ids.

-- name: columns
SELECT name, pk FROM pragma_table_info(:table);

-- name: states
SELECT id, state FROM version WHERE id IN (SELECT value FROM json_each(:ids));

-- name: waiting_heads
SELECT h.id FROM version h
WHERE h.state IN ('queued', 'running') AND h.id IN (
    SELECT o.head FROM object o WHERE o.id IN (
        SELECT v.object_id FROM version v WHERE v.id IN (SELECT value FROM json_each(:ids))));

-- name: version
SELECT * FROM version WHERE id IN (SELECT value FROM json_each(:ids));

-- name: object
SELECT * FROM object WHERE id IN (
    SELECT object_id FROM version WHERE id IN (SELECT value FROM json_each(:ids)));

-- name: heard
SELECT * FROM heard WHERE version_id IN (SELECT value FROM json_each(:ids));

-- name: run_member
SELECT m.* FROM version v JOIN run_member m ON m.run_id = v.run_id AND m.version_id = v.id
WHERE v.state <> 'running' AND v.id IN (SELECT value FROM json_each(:ids));

-- name: counter
SELECT * FROM counter;
