-- Events get what EventBridge's envelope has: an id that no other event has, and resources.
ALTER TABLE event ADD COLUMN event_id TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN resources TEXT NOT NULL DEFAULT '[]';  -- JSON
UPDATE event SET event_id = lower(
    hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2)
    || '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)));
