-- name: standing
SELECT name, state, since, reason, made_at FROM alarm ORDER BY name;

-- name: make
INSERT INTO alarm (name, state, since, reason, made_at)
SELECT value, 'INSUFFICIENT_DATA', :now, 'Unchecked: Initial alarm creation', :now
FROM json_each(:names) WHERE true
ON CONFLICT DO NOTHING;

-- name: note
INSERT INTO alarm_change (name, at, before, state, reason)
SELECT name, :now, state, :state, :reason FROM alarm WHERE name = :name;

-- name: change
UPDATE alarm SET state = :state, since = :now, reason = :reason WHERE name = :name;

-- name: remove
DELETE FROM alarm WHERE name IN (SELECT value FROM json_each(:names));

-- name: history
SELECT name, at, before, state, reason FROM alarm_change
WHERE :name IS NULL OR name = :name ORDER BY id;

-- name: forget
DELETE FROM alarm_change WHERE at < :before;
