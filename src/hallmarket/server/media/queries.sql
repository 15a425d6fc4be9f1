-- name: accept_batch
-- Inserts the whole batch and queues its log entries in one statement: one round trip, all or nothing. Rows are
-- inserted in order of their hash, so that two batches can never deadlock. Log entries keep the order of arrival.
with given as (
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bytea[], $5::bigint[], $6::text[], $7::text[],
                         $8::bytea[], $9::bytea[])
        with ordinality as given (id, organization_id, creator_id, hash, size, name, metadata, salt, entry, position)
), accepted as (
    insert into media (id, organization_id, creator_id, hash, size, name, metadata, salt, created_on, status)
    select id, organization_id, creator_id, hash, size, name, metadata, salt, $10::timestamptz, 2
    from given order by hash
    on conflict do nothing
    returning id, organization_id
), counted as (
    insert into media_count (organization_id, shard, items)
    select organization_id, pg_backend_pid() % 16, count(*)
    from accepted where organization_id is not null group by organization_id order by 1
    on conflict (organization_id, shard) do update set items = media_count.items + excluded.items
), queued as (
    select array_agg(id) as ids,
           log_append('media', array_agg(id order by position), array_agg(entry order by position))
    from given join accepted using (id)
)
select ids from queued;

-- name: create_uploaded
-- An uploaded item that is created but not yet accepted.
with counted as (
    insert into media_count (organization_id, shard, items) values ($2, pg_backend_pid() % 16, 1)
    on conflict (organization_id, shard) do update set items = media_count.items + 1
)
insert into media (id, organization_id, creator_id, hash, size, name, metadata, salt, created_on, status, has_bytes,
                   blob_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, true, $10);

-- name: find_conflicting
-- Items that conflict with a new one: an item with its id, or the item that holds its hash.
select id, organization_id, creator_id, hash, status, has_bytes, created_on from media where id = any($1::uuid[])
union
select id, organization_id, creator_id, hash, status, has_bytes, created_on
from media where hash = any($2::bytea[]) and holds_hash;

-- name: accept_again
-- Accepts an item that was only created or has failed. It keeps its id, creator and creation time.
update media set hash = $3, size = $4, name = $5, metadata = $6, salt = $7, status = 2
where id = $1 and organization_id = $2 and status in (1, 4)
returning id;

-- name: mark_anchored
update media set status = 3, leaf_index = entered.leaf_index, leaf_hash = entered.leaf_hash, checkpoint_number = $4
from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as entered (id, leaf_index, leaf_hash)
where media.id = entered.id and media.status = 2;

-- name: mark_failed
update media set status = 4 where id = any($1::uuid[]) and status = 2;

-- name: find_anchored
-- The public view: anchored media by hash, with the checkpoint that anchors them.
select m.hash, m.name, m.size, m.created_on, m.metadata, m.leaf_hash, m.checkpoint_number as number,
       c.root_hash, c.created_on as anchored_on, c.signature_count, p.id as preview_id, p.state as preview_state
from media m
join log_checkpoint c on c.number = m.checkpoint_number
left join preview p on p.blob_id = m.blob_id
where m.hash = any($1::bytea[]) and m.holds_hash;

-- name: find_newest_anchored
-- The same columns for all anchored media, newest first by the time in their ids. $1 is the last id of the previous
-- page.
select m.id, m.hash, m.name, m.size, m.created_on, m.metadata, m.leaf_hash, m.checkpoint_number as number,
       c.root_hash, c.created_on as anchored_on, c.signature_count, p.id as preview_id, p.state as preview_state
from media m
join log_checkpoint c on c.number = m.checkpoint_number
left join preview p on p.blob_id = m.blob_id
where m.id < $1 and m.status = 3
order by m.id desc
limit $2;

-- name: find_provable
select id, creator_id, organization_id, name, metadata, salt, created_on, leaf_index, checkpoint_number
from media where hash = $1 and holds_hash and status = 3;

-- name: count_media
select coalesce(sum(items), 0)::bigint from media_count where organization_id = $1;

-- name: count_filtered_media
select count(*) from media
where organization_id = $1
  and ($2::smallint is null or status = $2)
  and ($3::text is null or name ilike $3)
  and ($4::timestamptz is null or created_on >= $4)
  and ($5::timestamptz is null or created_on < $5);

-- name: list_media
-- Newest first. $6 and $7 are the last row of the previous page, or null. The offset is applied to the index, before
-- the joins.
with page as materialized (
    select id from media
    where organization_id = $1
      and ($2::smallint is null or status = $2)
      and ($3::text is null or name ilike $3)
      and ($4::timestamptz is null or created_on >= $4)
      and ($5::timestamptz is null or created_on < $5)
      and ($6::timestamptz is null or (created_on, id) < ($6, $7::uuid))
    order by created_on desc, id desc
    offset $8 limit $9
)
select m.id, m.hash, m.name, m.size, m.status, m.created_on, m.creator_id, m.metadata, m.leaf_hash,
       m.checkpoint_number as number, c.root_hash, c.created_on as anchored_on, c.signature_count, p.id as preview_id,
       p.state as preview_state
from page
join media m using (id)
left join log_checkpoint c on c.number = m.checkpoint_number
left join preview p on p.blob_id = m.blob_id
order by m.created_on desc, m.id desc;

-- name: find_item
select m.id, m.hash, m.name, m.size, m.status, m.created_on, m.creator_id, m.metadata, m.leaf_hash,
       m.checkpoint_number as number, c.root_hash, c.created_on as anchored_on, c.signature_count, p.id as preview_id,
       p.state as preview_state
from media m
left join log_checkpoint c on c.number = m.checkpoint_number
left join preview p on p.blob_id = m.blob_id
where m.id = $1 and m.organization_id = $2;
