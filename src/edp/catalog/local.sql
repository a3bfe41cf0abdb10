-- name: table
SELECT id, version FROM catalog_table WHERE name = :name;

-- name: add_table
INSERT INTO catalog_table (name, kind, dataset, created_at, updated_at)
VALUES (:name, :kind, :dataset, :now, :now);

-- name: tables
SELECT t.*, coalesce(sum(f.rows), 0) AS rows, count(f.id) AS files,
       json_group_array(DISTINCT f.partition) FILTER (WHERE f.partition <> '') AS partitions
FROM catalog_table t LEFT JOIN data_file f ON f.table_id = t.id AND f.removed_in IS NULL
GROUP BY t.id ORDER BY t.name;

-- name: columns
SELECT name, type, comment FROM catalog_column WHERE table_id = :table_id ORDER BY ordinal;

-- name: drop_columns
DELETE FROM catalog_column WHERE table_id = :table_id;

-- name: add_column
INSERT INTO catalog_column (table_id, ordinal, name, type, comment)
VALUES (:table_id, :ordinal, :name, :type, :comment);

-- name: live_profiles
SELECT columns FROM profile WHERE id IN (
    SELECT profile_id FROM live_source
    WHERE table_id = :table_id AND key NOT IN (SELECT value FROM json_each(:without)));

-- name: profiles_of
SELECT s.key, p.columns FROM live_source s JOIN profile p ON p.id = s.profile_id
WHERE s.table_id = :table_id AND s.key IN (SELECT value FROM json_each(:keys));

-- name: live_files
SELECT f.*, s.columns AS schema FROM data_file f JOIN file_schema s ON s.id = f.schema_id
WHERE f.table_id = :table_id AND f.removed_in IS NULL ORDER BY f.id;

-- name: inventory
SELECT f.*, s.columns AS schema, t.dataset, t.kind,
       (SELECT json_group_object(key, rows) FROM file_source WHERE file_id = f.id) AS sources
FROM data_file f
JOIN catalog_table t ON t.id = f.table_id
JOIN file_schema s ON s.id = f.schema_id
WHERE f.removed_in IS NULL ORDER BY t.name, f.id;

-- name: live_sources
SELECT t.dataset, s.key FROM live_source s JOIN catalog_table t ON t.id = s.table_id;

-- name: removed
SELECT path FROM data_file WHERE removed_in IS NOT NULL;

-- name: files_holding
SELECT f.*, s.columns AS schema FROM data_file f JOIN file_schema s ON s.id = f.schema_id
WHERE f.table_id = :table_id AND f.removed_in IS NULL AND f.id IN (
    SELECT file_id FROM file_source WHERE key IN (SELECT value FROM json_each(:keys)))
ORDER BY f.id;

-- name: files_at
SELECT f.*, s.columns AS schema, t.kind FROM data_file f
JOIN file_schema s ON s.id = f.schema_id JOIN catalog_table t ON t.id = f.table_id
WHERE t.dataset = :dataset AND f.removed_in IS NULL
  AND f.path IN (SELECT value FROM json_each(:paths))
ORDER BY f.id;

-- name: all_files
SELECT f.*, s.columns AS schema, t.kind FROM data_file f
JOIN file_schema s ON s.id = f.schema_id JOIN catalog_table t ON t.id = f.table_id
WHERE t.name = :name AND f.removed_in IS NULL ORDER BY f.id;

-- name: small_files
SELECT f.path, f.schema_id AS schema, f.bytes,
       (SELECT count(*) FROM file_source s WHERE s.file_id = f.id) AS sources
FROM data_file f JOIN catalog_table t ON t.id = f.table_id
WHERE t.name = :table AND f.partition = :partition AND f.removed_in IS NULL AND f.origin = 'edp'
  AND f.bytes < :below
ORDER BY f.schema_id, f.bytes, f.path;

-- name: crowds
SELECT t.name AS "table", t.dataset, f.partition, count(*) AS files
FROM data_file f JOIN catalog_table t ON t.id = f.table_id
WHERE f.removed_in IS NULL AND f.origin = 'edp' AND f.bytes < :below
  AND (:table IS NULL OR t.name = :table)
GROUP BY t.id, f.partition HAVING count(*) > :more_than
ORDER BY files DESC, "table", f.partition;

-- name: sources_of
SELECT key, rows FROM file_source WHERE file_id = :file_id ORDER BY key;

-- name: add_schema
INSERT INTO file_schema (columns) VALUES (:columns) ON CONFLICT DO NOTHING;

-- name: schema_id
SELECT id FROM file_schema WHERE columns = :columns;

-- name: add_file
INSERT INTO data_file (table_id, path, partition, rows, bytes, sha256, schema_id, origin, added_in)
VALUES (:table_id, :path, :partition, :rows, :bytes, :sha256, :schema_id, :origin, :version);

-- name: add_source
INSERT INTO file_source (file_id, key, rows) VALUES (:file_id, :key, :rows);

-- name: remove_file
UPDATE data_file SET removed_in = :version, removed_at = :now
WHERE path = :path AND removed_in IS NULL;

-- name: add_profile
INSERT INTO profile (columns) VALUES (:columns) ON CONFLICT DO NOTHING;

-- name: set_source
INSERT INTO live_source (table_id, key, profile_id)
VALUES (:table_id, :key, (SELECT id FROM profile WHERE columns = :columns))
ON CONFLICT (table_id, key) DO UPDATE SET profile_id = excluded.profile_id;

-- name: drop_source
DELETE FROM live_source WHERE table_id = :table_id AND key = :key;

-- name: advance
UPDATE catalog_table SET version = :version, updated_at = :now WHERE id = :table_id;

-- name: add_version
INSERT INTO catalog_version (table_id, version, at, run_id, operation, files_added, files_removed, rows)
VALUES (:table_id, :version, :now, :run_id, :operation, :added, :removed,
        (SELECT coalesce(sum(rows), 0) FROM data_file
         WHERE table_id = :table_id AND removed_in IS NULL));

-- name: add_change
INSERT INTO schema_change (at, table_id, version, column_name, change, old_type, new_type, method, run_id)
VALUES (:now, :table_id, :version, :column, :change, :old_type, :new_type, :method, :run_id);

-- name: expired
SELECT t.dataset, max(v.at) AS at FROM catalog_version v JOIN catalog_table t ON t.id = v.table_id
WHERE v.operation = 'expire' GROUP BY t.dataset;

-- name: versions
SELECT v.version, v.at, v.run_id, v.operation, v.files_added, v.files_removed, v.rows
FROM catalog_version v JOIN catalog_table t ON t.id = v.table_id
WHERE t.name = :name ORDER BY v.version;

-- name: schema_changes
SELECT c.at, t.name AS "table", c.version, c.column_name, c.change, c.old_type, c.new_type, c.method,
       c.run_id
FROM schema_change c JOIN catalog_table t ON t.id = c.table_id ORDER BY c.id;

-- name: holders
SELECT t.dataset, s.key FROM live_source s JOIN catalog_table t ON t.id = s.table_id
WHERE s.key IN (SELECT value FROM json_each(:keys));

-- name: adopted
SELECT f.path, t.dataset, f.sha256 FROM data_file f JOIN catalog_table t ON t.id = f.table_id
WHERE f.origin = 'adopted' AND f.removed_in IS NULL;

-- name: named
SELECT path FROM data_file;

-- name: retired
SELECT id, path FROM data_file
WHERE removed_in IS NOT NULL AND removed_at <= :until AND origin = 'edp'
  AND path NOT IN (SELECT path FROM data_file WHERE removed_in IS NULL);

-- name: forget_sources
DELETE FROM file_source WHERE file_id = :id;

-- name: forget_file
DELETE FROM data_file WHERE id = :id;
