-- Times are seconds since the epoch (REAL), sizes bytes, states the six of a receipt.

-- queue ---------------------------------------------------------------------------------------
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL DEFAULT '{}',
    sent_at REAL NOT NULL,
    visible_at REAL NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    receipt TEXT
) STRICT;
CREATE INDEX message_visible ON message (queue, visible_at, id);

CREATE TABLE dead_letter (
    id TEXT PRIMARY KEY,
    cause_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('message', 'object')),
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    dataset TEXT,
    key TEXT,
    version TEXT,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL DEFAULT '{}',
    attempts INTEGER NOT NULL,
    run_id TEXT,
    count INTEGER NOT NULL DEFAULT 1,
    first_at REAL NOT NULL,
    last_at REAL NOT NULL
) STRICT;

-- ledger --------------------------------------------------------------------------------------
CREATE TABLE object (
    id INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    head INTEGER REFERENCES version (id),
    numbered INTEGER NOT NULL DEFAULT 0,   -- versions that the ledger numbered itself
    UNIQUE (bucket, key)
) STRICT;

-- what the bytes in the source folder were when they were last looked at
CREATE TABLE seen (
    key TEXT PRIMARY KEY,
    stat TEXT NOT NULL,                    -- size:mtime_ns:inode
    sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- bytes that a replay is about to put into the source, and the event they belong to
CREATE TABLE announced (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    version_id TEXT NOT NULL DEFAULT '',
    sequencer TEXT NOT NULL DEFAULT '',
    etag TEXT,
    size INTEGER,
    event_time REAL,
    PRIMARY KEY (bucket, key, version_id, sequencer, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE version (
    id INTEGER PRIMARY KEY,                -- arrival order
    object_id INTEGER NOT NULL REFERENCES object (id),
    version TEXT NOT NULL,                 -- VersionId, or the ledger's number
    dataset TEXT,
    sequencer TEXT,
    event_time REAL,
    etag TEXT,
    size INTEGER,
    sha256 TEXT,
    arrived_at REAL NOT NULL,
    changed_at REAL NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'committed', 'superseded', 'dead', 'discarded')),
    not_before REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    lease_until REAL,
    run_id TEXT REFERENCES run (id),
    cohort TEXT,                           -- the half of a failed run it must stay in
    rows_read INTEGER,
    rows_written INTEGER,
    rows_duplicate INTEGER,
    rows_filtered INTEGER,
    rows_rejected INTEGER,
    engine TEXT,
    contract TEXT,
    committed_at REAL,
    error_code TEXT,
    error_message TEXT,
    UNIQUE (object_id, version),
    CHECK (state <> 'committed' OR coalesce(
           rows_read = rows_written + rows_duplicate + rows_filtered + rows_rejected, 0)),
    CHECK (state <> 'dead' OR error_code IS NOT NULL)
) STRICT;
CREATE INDEX version_ready ON version (state, not_before, id);
CREATE INDEX version_run ON version (run_id);
CREATE UNIQUE INDEX one_committed_version_per_object ON version (object_id) WHERE state = 'committed';

-- every sequencer that an event of the object came with, and the version it spoke of
CREATE TABLE heard (
    object_id INTEGER NOT NULL REFERENCES object (id),
    sequencer TEXT NOT NULL,
    version_id INTEGER NOT NULL REFERENCES version (id),
    PRIMARY KEY (object_id, sequencer)
) STRICT, WITHOUT ROWID;

CREATE TABLE legal_transition (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (before, after)
) STRICT, WITHOUT ROWID;
INSERT INTO legal_transition VALUES
    ('queued', 'running'), ('queued', 'committed'), ('queued', 'superseded'), ('queued', 'dead'),
    ('queued', 'discarded'),
    ('running', 'queued'), ('running', 'committed'), ('running', 'superseded'), ('running', 'dead'),
    ('committed', 'superseded'), ('committed', 'discarded'), ('committed', 'queued'),
    ('dead', 'queued'), ('dead', 'superseded'), ('dead', 'discarded'),
    ('discarded', 'queued'), ('discarded', 'superseded');

CREATE TRIGGER version_transition BEFORE UPDATE OF state ON version
WHEN OLD.state <> NEW.state AND NOT EXISTS (
    SELECT 1 FROM legal_transition WHERE before = OLD.state AND after = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'illegal change of an object version''s state');
END;

CREATE TABLE ledger_event (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    version_id INTEGER NOT NULL REFERENCES version (id),
    before TEXT,
    after TEXT NOT NULL,
    run_id TEXT,
    attempts INTEGER NOT NULL,
    note TEXT
) STRICT;
CREATE INDEX ledger_event_version ON ledger_event (version_id, id);

CREATE TRIGGER version_accepted AFTER INSERT ON version
BEGIN
    INSERT INTO ledger_event (at, version_id, after, run_id, attempts, note)
    VALUES (NEW.changed_at, NEW.id, NEW.state, NEW.run_id, NEW.attempts, NEW.error_message);
END;
CREATE TRIGGER version_changed AFTER UPDATE OF state ON version WHEN OLD.state <> NEW.state
BEGIN
    INSERT INTO ledger_event (at, version_id, before, after, run_id, attempts, note)
    VALUES (NEW.changed_at, NEW.id, OLD.state, NEW.state, NEW.run_id, NEW.attempts,
            NEW.error_message);
END;

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    dataset TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'committed', 'failed', 'released', 'lost')),
    engine TEXT NOT NULL,
    contract TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    rows_read INTEGER,
    rows_written INTEGER,
    rows_duplicate INTEGER,
    rows_filtered INTEGER,
    rows_rejected INTEGER,
    error_code TEXT,
    error_message TEXT
) STRICT;
CREATE INDEX run_state ON run (state);

-- the manifest: which versions a run holds, durable before it starts
CREATE TABLE run_member (
    run_id TEXT NOT NULL REFERENCES run (id),
    version_id INTEGER NOT NULL REFERENCES version (id),
    fence INTEGER NOT NULL,
    PRIMARY KEY (run_id, version_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- catalog -------------------------------------------------------------------------------------
CREATE TABLE catalog_table (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('data', 'rejects')),
    dataset TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
) STRICT;

CREATE TABLE catalog_column (
    table_id INTEGER NOT NULL REFERENCES catalog_table (id),
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,                    -- with the reading of its dates, if one was needed
    comment TEXT NOT NULL,
    PRIMARY KEY (table_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE file_schema (
    id INTEGER PRIMARY KEY,
    columns TEXT NOT NULL UNIQUE           -- JSON: column -> stored type
) STRICT;

CREATE TABLE data_file (
    id INTEGER PRIMARY KEY,
    table_id INTEGER NOT NULL REFERENCES catalog_table (id),
    path TEXT NOT NULL,                    -- below the lake
    partition TEXT NOT NULL DEFAULT '',
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    schema_id INTEGER NOT NULL REFERENCES file_schema (id),
    origin TEXT NOT NULL CHECK (origin IN ('edp', 'adopted')),
    added_in INTEGER NOT NULL,
    removed_in INTEGER,
    removed_at REAL
) STRICT;
CREATE INDEX data_file_live ON data_file (table_id) WHERE removed_in IS NULL;
CREATE UNIQUE INDEX data_file_path ON data_file (path) WHERE removed_in IS NULL;

CREATE TABLE file_source (
    file_id INTEGER NOT NULL REFERENCES data_file (id),
    key TEXT NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (file_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_source_key ON file_source (key);

CREATE TABLE profile (
    id INTEGER PRIMARY KEY,
    columns TEXT NOT NULL UNIQUE           -- JSON: [name, original, admitted types, year last]
) STRICT;

-- which source (an object key, or the path of an adopted file) is in a table, and its profile
CREATE TABLE live_source (
    table_id INTEGER NOT NULL REFERENCES catalog_table (id),
    key TEXT NOT NULL,
    profile_id INTEGER NOT NULL REFERENCES profile (id),
    PRIMARY KEY (table_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX live_source_profile ON live_source (table_id, profile_id);
CREATE INDEX live_source_key ON live_source (key);

CREATE TABLE catalog_version (
    table_id INTEGER NOT NULL REFERENCES catalog_table (id),
    version INTEGER NOT NULL,
    at REAL NOT NULL,
    run_id TEXT,
    operation TEXT NOT NULL,
    files_added INTEGER NOT NULL,
    files_removed INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    PRIMARY KEY (table_id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE schema_change (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    table_id INTEGER NOT NULL REFERENCES catalog_table (id),
    version INTEGER NOT NULL,
    column_name TEXT NOT NULL,
    change TEXT NOT NULL CHECK (change IN ('added', 'removed', 'type')),
    old_type TEXT,
    new_type TEXT,
    method TEXT NOT NULL CHECK (method IN ('none', 'cast at read', 're-read', 'rendered')),
    run_id TEXT
) STRICT;

-- events --------------------------------------------------------------------------------------
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    source TEXT NOT NULL,
    detail_type TEXT NOT NULL,
    detail TEXT NOT NULL                   -- JSON
) STRICT;
CREATE INDEX event_at ON event (at);
