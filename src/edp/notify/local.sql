-- name: open_incident
SELECT id, alerts FROM incident WHERE dedup_key = :dedup_key AND closed_at IS NULL;

-- name: opened_since
SELECT count(*) FROM incident WHERE opened_at > :since AND closed_at IS NULL;

-- name: covering
-- an open incident with the prefix, of the dataset where one is asked for
SELECT 1 FROM incident
WHERE closed_at IS NULL AND substr(dedup_key, 1, length(:prefix)) = :prefix
  AND (:dataset IS NULL OR dataset = :dataset)
LIMIT 1;

-- name: open
INSERT INTO incident (dedup_key, dataset, opened_at) VALUES (:dedup_key, :dataset, :at);

-- name: joined
UPDATE incident SET alerts = alerts + 1 WHERE id = :incident;

-- name: close
UPDATE incident SET closed_at = :at WHERE id = :incident;

-- name: add_subject
INSERT OR IGNORE INTO incident_subject (subject, incident_id) VALUES (:subject, :incident);

-- name: subjects_incidents
SELECT incident_id FROM incident_subject WHERE subject = :subject;

-- name: drop_subject
DELETE FROM incident_subject WHERE subject = :subject AND incident_id = :incident;

-- name: has_subject
SELECT 1 FROM incident_subject WHERE incident_id = :incident LIMIT 1;

-- name: add_alert
INSERT INTO alert (at, dedup_key, action, incident_id, routed, body)
VALUES (:at, :dedup_key, :action, :incident, :routed, :body);

-- name: newest_trigger
SELECT body FROM alert WHERE incident_id = :incident AND action = 'trigger'
ORDER BY id DESC LIMIT 1;

-- name: joinable
-- a delivery of the same kind that nobody is sending
SELECT id, amounts FROM delivery
WHERE sink = :sink AND dedup_key = :dedup_key AND action = :action AND state = 'waiting'
  AND incident_id IS :incident AND lease_until <= :now
ORDER BY id DESC LIMIT 1;

-- name: join
UPDATE delivery SET alert_id = :alert, stands_for = stands_for + 1, amounts = :amounts
WHERE id = :id;

-- name: told
-- how often the sink was told of the incident, and when last
SELECT count(*) AS n, max(ended_at) AS last FROM delivery
WHERE sink = :sink AND incident_id = :incident AND action = 'trigger';

-- name: deliver
INSERT INTO delivery
    (sink, dedup_key, action, incident_id, alert_id, amounts, not_before, created_at)
VALUES (:sink, :dedup_key, :action, :incident, :alert, :amounts, :not_before, :now);

-- name: withdraw
-- what is over before anybody was to hear of it is told to nobody
UPDATE delivery SET state = 'folded', ended_at = :now
WHERE incident_id = :incident AND action = 'trigger' AND state = 'waiting' AND attempts = 0
  AND not_before > :now AND lease_until <= :now
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.sink = delivery.sink
                  AND d.incident_id = :incident AND d.action = 'trigger' AND d.id <> delivery.id
                  AND d.state IN ('waiting', 'delivered'));

-- name: owed_resolve
-- sinks that know of the incident, or will
SELECT DISTINCT sink FROM delivery
WHERE incident_id = :incident AND action = 'trigger' AND state IN ('waiting', 'delivered');

-- name: fold_follow_ups
-- the resolve gives the number; only what opens an incident is told before it
UPDATE delivery SET state = 'folded', ended_at = :now
WHERE incident_id = :incident AND action = 'trigger' AND state = 'waiting' AND lease_until <= :now
  AND EXISTS (SELECT 1 FROM delivery d WHERE d.sink = delivery.sink
              AND d.incident_id = :incident AND d.id < delivery.id
              AND d.state IN ('waiting', 'delivered'));

-- name: due
-- what is told of one cause goes out in order
SELECT d.id, d.sink, d.stands_for, d.amounts, d.attempts, d.created_at, a.body,
       coalesce(i.alerts, d.stands_for) AS alerts, coalesce(i.opened_at, d.created_at) AS since,
       (SELECT count(*) FROM incident_subject s WHERE s.incident_id = d.incident_id) AS subjects
FROM delivery d
JOIN alert a ON a.id = d.alert_id
LEFT JOIN incident i ON i.id = d.incident_id
WHERE d.state = 'waiting' AND d.sink = :sink AND d.not_before <= :now AND d.lease_until <= :now
  AND NOT EXISTS (SELECT 1 FROM delivery e WHERE e.state = 'waiting' AND e.sink = d.sink
                  AND e.dedup_key = d.dedup_key AND e.id < d.id)
ORDER BY d.id
LIMIT :limit;

-- name: lease
UPDATE delivery SET lease_until = :until WHERE id = :id;

-- name: ended
UPDATE delivery SET state = :state, ended_at = :now, answer = :said, lease_until = 0
WHERE id = :id AND state = 'waiting';

-- name: fold_resolve
-- who was never told that something is wrong is not told that it is over
UPDATE delivery SET state = 'folded', ended_at = :now
WHERE action = 'resolve' AND state = 'waiting'
  AND (sink, incident_id) = (SELECT sink, incident_id FROM delivery WHERE id = :id)
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.sink = delivery.sink
                  AND d.incident_id = delivery.incident_id AND d.action = 'trigger'
                  AND d.state IN ('waiting', 'delivered'));

-- name: later
UPDATE delivery
SET attempts = attempts + 1, not_before = :not_before, answer = :said, lease_until = 0
WHERE id = :id AND state = 'waiting';

-- name: count_due
SELECT count(*) FROM delivery
WHERE sink = :sink AND state = 'waiting' AND (not_before <= :now OR lease_until > :now);

-- name: hasten
UPDATE delivery SET not_before = min(not_before, :now)
WHERE sink = :sink AND state = 'waiting' AND attempts > 0;

-- name: owed
SELECT count(*) FROM delivery
WHERE sink = :sink AND state = 'waiting' AND (not_before <= :now OR attempts > 0);

-- name: undelivered
SELECT count(*) FROM delivery WHERE state = 'dead';

-- name: list
SELECT id, routed, body FROM (SELECT * FROM alert WHERE id > :after ORDER BY id DESC LIMIT :limit)
ORDER BY id;

-- name: deliveries
SELECT alert_id, sink, state, attempts, coalesce(answer, '') AS answer FROM delivery
WHERE alert_id >= :first ORDER BY id;

-- name: forget_deliveries
DELETE FROM delivery WHERE state <> 'waiting' AND ended_at < :before
  AND NOT EXISTS (SELECT 1 FROM incident i WHERE i.id = incident_id AND i.closed_at IS NULL);

-- name: forget_alerts
DELETE FROM alert WHERE at < :before
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.alert_id = alert.id)
  AND NOT EXISTS (SELECT 1 FROM incident i WHERE i.id = incident_id AND i.closed_at IS NULL);

-- name: forget_incidents
DELETE FROM incident WHERE closed_at < :before
  AND NOT EXISTS (SELECT 1 FROM alert a WHERE a.incident_id = incident.id)
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.incident_id = incident.id);
