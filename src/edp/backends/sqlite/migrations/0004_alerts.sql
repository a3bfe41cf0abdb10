-- alerts --------------------------------------------------------------------------------------
-- one cause from the alert that opens it to the one that says it is over
CREATE TABLE incident (
    id INTEGER PRIMARY KEY,
    dedup_key TEXT NOT NULL,
    dataset TEXT,
    opened_at REAL NOT NULL,
    closed_at REAL,
    alerts INTEGER NOT NULL DEFAULT 0      -- that say something is wrong, so far
) STRICT;
CREATE UNIQUE INDEX one_open_incident_per_key ON incident (dedup_key) WHERE closed_at IS NULL;

-- what is still wrong, e.g. a file
CREATE TABLE incident_subject (
    subject TEXT NOT NULL,
    incident_id INTEGER NOT NULL REFERENCES incident (id),
    PRIMARY KEY (subject, incident_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_subject_incident ON incident_subject (incident_id);

CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    dedup_key TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('trigger', 'resolve', 'change')),
    incident_id INTEGER REFERENCES incident (id),
    routed TEXT NOT NULL,                  -- JSON: the sinks that are to get it
    body TEXT NOT NULL                     -- JSON
) STRICT;
CREATE INDEX alert_incident ON alert (incident_id);
CREATE INDEX alert_at ON alert (at);

-- what a sink is owed: one message for one alert, or for several of the same cause
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    sink TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    action TEXT NOT NULL,
    incident_id INTEGER REFERENCES incident (id),
    alert_id INTEGER NOT NULL REFERENCES alert (id),    -- the newest that it stands for
    stands_for INTEGER NOT NULL DEFAULT 1,
    amounts TEXT NOT NULL,                 -- JSON: name -> sum
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'delivered', 'dead', 'folded')),
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL,
    lease_until REAL NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    ended_at REAL,
    answer TEXT
) STRICT;
CREATE INDEX delivery_waiting ON delivery (sink, dedup_key, id) WHERE state = 'waiting';
CREATE INDEX delivery_incident ON delivery (incident_id);
CREATE INDEX delivery_alert ON delivery (alert_id);
