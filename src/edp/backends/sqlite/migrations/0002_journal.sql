-- Where the journal beside the state ends: the last record that a commit of this state wrote.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    n INTEGER NOT NULL,                    -- number of the record
    record TEXT NOT NULL,                  -- its id, which the next one names as its parent
    segment TEXT NOT NULL,                 -- the file that it is in
    ends INTEGER NOT NULL,                 -- bytes of that file up to its end
    copied_at REAL                         -- set in a backup
) STRICT;

CREATE INDEX heard_version ON heard (version_id);
