-- What makes a replayed state whole. Where the journal was, only `history` changes anything.

-- name: history
INSERT INTO ledger_event (at, version_id, after, run_id, attempts, note)
SELECT :now, id, state, run_id, attempts, 'made again from the commits' FROM version ORDER BY id;

-- name: whole
DELETE FROM data_file
WHERE schema_id NOT IN (SELECT id FROM file_schema) OR table_id NOT IN (SELECT id FROM catalog_table);
DELETE FROM file_source WHERE file_id NOT IN (SELECT id FROM data_file);
DELETE FROM live_source
WHERE profile_id NOT IN (SELECT id FROM profile) OR table_id NOT IN (SELECT id FROM catalog_table);
DELETE FROM catalog_column WHERE table_id NOT IN (SELECT id FROM catalog_table);
DELETE FROM catalog_version WHERE table_id NOT IN (SELECT id FROM catalog_table);
DELETE FROM schema_change WHERE table_id NOT IN (SELECT id FROM catalog_table);
DELETE FROM version WHERE object_id NOT IN (SELECT id FROM object);
DELETE FROM heard WHERE version_id NOT IN (SELECT id FROM version);
DELETE FROM run_member
WHERE version_id NOT IN (SELECT id FROM version) OR run_id NOT IN (SELECT id FROM run);
UPDATE version SET run_id = NULL WHERE run_id NOT IN (SELECT id FROM run);
UPDATE object SET head = (SELECT max(id) FROM version WHERE object_id = object.id)
WHERE head IS NULL OR head NOT IN (SELECT id FROM version);
DELETE FROM object WHERE head IS NULL;

-- name: stand
INSERT OR REPLACE INTO journal (id, n, record, segment, ends) VALUES (1, :n, :record, :segment, :ends);
