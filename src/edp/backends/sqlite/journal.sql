-- name: standing
SELECT n, record, segment, ends, copied_at FROM journal;

-- name: stand
INSERT INTO journal (id, n, record, segment, ends) VALUES (1, :n, :record, :segment, :ends)
ON CONFLICT (id) DO UPDATE SET
    n = excluded.n, record = excluded.record, segment = excluded.segment, ends = excluded.ends,
    copied_at = NULL;

-- name: copied
UPDATE journal SET copied_at = :at;
