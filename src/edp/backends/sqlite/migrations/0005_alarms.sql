-- In which state each alarm is. Times are seconds since the epoch.
CREATE TABLE alarm (
    name TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('OK', 'ALARM', 'INSUFFICIENT_DATA')),
    since REAL NOT NULL,
    reason TEXT NOT NULL,
    made_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE alarm_change (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    at REAL NOT NULL,
    before TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX alarm_change_at ON alarm_change (at);

-- what alarms ask every few seconds: what was committed and what ended lately
CREATE INDEX version_committed ON version (dataset, committed_at);
CREATE INDEX run_ended ON run (ended_at);
CREATE INDEX dead_letter_cause ON dead_letter (cause_id);
CREATE INDEX message_sent ON message (queue, sent_at);
