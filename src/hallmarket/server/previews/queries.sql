-- name: create_preview
-- No row if a thumbnail was requested before.
insert into preview (id, blob_id) values ($1, $2) on conflict (blob_id) do nothing returning id;

-- name: find_waiting
select b.organization_id from preview p join blob b on b.id = p.blob_id where p.blob_id = $1 and p.state = 'waiting';

-- name: mark_made
-- No row if the preview has been settled, or deleted with its blob.
update preview set state = 'made', thumbnail_id = $2, width = $3, height = $4, settled_on = now()
where blob_id = $1 and state = 'waiting'
returning id, blob_id, state, reason, width, height;

-- name: mark_none
update preview set state = 'none', reason = $2, settled_on = now() where blob_id = $1 and state = 'waiting';

-- name: find_thumbnail
select thumbnail_id, b.sha3_512 from preview p join blob b on b.id = p.thumbnail_id where p.id = $1;
