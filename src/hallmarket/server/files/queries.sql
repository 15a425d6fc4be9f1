-- name: create_upload
-- $7 is null if the bytes follow later.
insert into upload (id, person_id, organization_id, bucket, path, file_name, blob_id, type, extension, expires_on)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10));

-- name: lock_upload
-- An upload that can still receive bytes. A second body replaces the first.
select file_name from upload where id = $1 and person_id = $2 and expires_on > now() for update;

-- name: fill_upload
update upload set blob_id = $2, type = $3, extension = $4 where id = $1;

-- name: find_upload
-- The person's own upload, if it has bytes. $3 is the organization that the request's key is bound to, or null.
select u.id, u.bucket, u.path, u.file_name, u.type, u.extension, u.blob_id, b.size, b.sha3_512
from upload u join blob b on b.id = u.blob_id
where u.id = $1 and u.person_id = $2 and ($3::uuid is null or u.organization_id = $3) and u.expires_on > now();

-- name: rename_upload
update upload set file_name = $2 where id = $1;

-- name: take_upload
-- Deletes the person's own upload, because it becomes a file or a file's new content.
delete from upload u using blob b
where u.id = $1 and u.person_id = $2 and ($3::uuid is null or u.organization_id = $3) and u.expires_on > now()
  and b.id = u.blob_id
returning u.path, u.file_name, u.type, u.extension, u.blob_id, b.size, b.sha3_512;

-- name: discard_upload
delete from upload
where id = $1 and path = $4 and person_id = $2 and ($3::uuid is null or organization_id = $3)
returning id;

-- name: delete_expired_uploads
-- Uploads that did not become a file in time. A trigger releases their blobs, which are deleted later.
delete from upload where expires_on < now();

-- name: create_file
insert into file (asset_id, blob_id, path, file_name, type, extension) values ($1, $2, $3, $4, $5, $6);

-- name: find_file
select f.path, f.file_name, f.type, f.extension, f.blob_id, b.size, b.sha3_512, a.visibility, a.audience,
       a.organization_id
from file f join asset a on a.id = f.asset_id join blob b on b.id = f.blob_id
where f.asset_id = $1;

-- name: lock_file_of_blob
-- The asset of the file with this content. The lock keeps the content unchanged until the transaction ends.
select a.id from asset a where a.id = (select asset_id from file where blob_id = $1) for no key update;

-- name: find_file_of_blob
select asset_id from file where blob_id = $1;

-- name: replace_content
update file set blob_id = $2, file_name = $3, type = $4, extension = $5 where asset_id = $1;
