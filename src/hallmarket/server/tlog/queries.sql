-- name: append
select log_append($1, $2::uuid[], $3::bytea[]);

-- name: try_become_sequencer
-- A session-level lock, so it is released when the process that took it ends, however it ends.
select pg_try_advisory_lock(1819240307);

-- name: lock_head
select h.size, h.number, h.verifier_key, c.root_hash
from log_head h join log_checkpoint c on c.number = h.number
for update of h;

-- name: has_queued_entries
-- The index skips entries that are deleted but not yet vacuumed.
select exists (select from log_queue order by position limit 1);

-- name: list_queued_entries
-- In order of arrival. Entries of a transaction that is still open are not visible yet; a later round takes them.
select position, kind, subject_id, entry from log_queue order by position limit $1;

-- name: delete_queued_entries
delete from log_queue where position = any($1::bigint[]);

-- name: find_head
select h.size, h.number, h.verifier_key, c.root_hash, c.note, c.created_on
from log_head h join log_checkpoint c on c.number = h.number;

-- name: move_head
update log_head set size = $1, number = $2 where size = $3 and number = $2 - 1;

-- name: create_head
insert into log_head (verifier_key, number, size) values ($1, 0, 0) on conflict do nothing;

-- name: create_checkpoint
insert into log_checkpoint (number, size, root_hash, note, created_on) values ($1, $2, $3, $4, $5)
on conflict do nothing;

-- name: write_tiles
insert into log_tile (level, index, hashes)
select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
on conflict (level, index) do update set hashes = excluded.hashes;

-- name: write_bundles
insert into log_bundle (index, width, entries)
select * from unnest($1::bigint[], $2::smallint[], $3::bytea[])
on conflict (index) do update set width = excluded.width, entries = excluded.entries;

-- name: find_tiles
select t.level, t.index, t.hashes
from log_tile t
join unnest($1::smallint[], $2::bigint[]) as requested (level, index) using (level, index);

-- name: find_tile
-- The first $3 hashes of the tile, if it is published that far.
select substring(hashes for $3::int * 32) from log_tile
where level = $1 and index = $2 and octet_length(hashes) >= $3::int * 32;

-- name: find_bundle
select entries, width from log_bundle where index = $1;

-- name: find_checkpoint
select number, size, root_hash, note, created_on, signature_count from log_checkpoint where number = $1;

-- name: find_status
select h.size, h.number, h.verifier_key, c.root_hash, c.created_on,
       (select count(*) from log_queue) as queue,
       coalesce((select extract(epoch from now() - q.queued_on)::float8
                 from log_queue q order by q.position limit 1), 0) as lag_s
from log_head h join log_checkpoint c on c.number = h.number;
