-- name: begin_blob
insert into blob (id, organization_id, content_type) values ($1, $2, $3);

-- name: keep_blob
-- Nothing if it has been cleared away.
update blob set kept = true, size = $2, sha3_512 = $3 where id = $1 returning id;

-- name: keep_blob_again
-- Let go of in this same transaction, by what the bytes belonged to before.
update blob set kept = true, released_on = null where id = $1;

-- name: lock_abandoned_blobs
-- What was let go of, and whatever was not kept within a day: its upload was cut off, or the server died in it. Locked,
-- so that no upload that is about to end after all keeps what is being cleared away.
select id from blob where not kept and (released_on is not null or created_on < now() - interval '1 day')
order by created_on limit $1 for update skip locked;

-- name: lock_blob
select kept from blob where id = $1 for update;

-- name: forget_blobs
delete from blob where id = any($1::uuid[]) and not kept;

-- name: find_blob
select size, sha3_512 from blob where id = $1 and kept;
