-- name: create_blob
insert into blob (id, organization_id, content_type) values ($1, $2, $3);

-- name: retain_blob
-- No row if the blob was deleted as unused.
update blob set kept = true, size = $2, sha3_512 = $3 where id = $1 returning id;

-- name: retain_released_blob
-- For a transaction that moves a blob to a new owner: deleting the old owner has just released it.
update blob set kept = true, released_on = null where id = $1;

-- name: lock_unused_blobs
-- Released blobs, and blobs not retained within a day because the upload was cut off or the server died. The lock stops
-- an upload that completes at this moment from retaining a blob that is being deleted.
select id from blob where not kept and (released_on is not null or created_on < now() - interval '1 day')
order by created_on limit $1 for update skip locked;

-- name: lock_blob
select kept from blob where id = $1 for update;

-- name: delete_unretained_blobs
delete from blob where id = any($1::uuid[]) and not kept;
