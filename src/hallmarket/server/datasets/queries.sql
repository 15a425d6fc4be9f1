-- name: find_version
-- The newest version if $2 is null.
select v.id, v.dataset_id, v.number, v.author_id, v.organization_id, v.name, v.created_on, v.row_count, v.size,
       v.delta_version, v.key, v.manifest, v.sha3_512, v.salt, v.status, v.leaf_index, v.checkpoint_number,
       a.name as asset_name
from dataset_version v
join dataset d on d.asset_id = v.dataset_id
join asset a on a.id = d.asset_id
where v.dataset_id = $1 and v.number = coalesce($2, d.version);

-- name: list_versions
-- Newest first, or only version $4.
select v.id, v.dataset_id, v.number, v.created_on, v.row_count, v.size, v.delta_version, v.sha3_512, v.status,
       jsonb_array_length(v.manifest::jsonb -> 'columns') as column_count, v.leaf_index,
       v.checkpoint_number, c.created_on as anchored_on, v.author_id as person_id, p.username,
       full_name(p.firstname, p.lastname) as name, p.profile_picture, p.actor_type
from dataset_version v
join person p on p.id = v.author_id
left join log_checkpoint c on c.number = v.checkpoint_number
where v.dataset_id = $1 and ($4::int is null or v.number = $4)
order by v.number desc
offset $2 limit $3;

-- name: create_dataset
insert into dataset (asset_id, head, key, version) values ($1, $2::jsonb, $3, $4);

-- name: take_lease
-- Takes the right to write for 15 seconds, if no other writer has it. A writer that does not renew its lease in time
-- is dead, or finds out when it tries to save its work.
update dataset set writer_id = $2, writes_until = now() + interval '15 seconds'
where asset_id = $1 and (writes_until is null or writes_until < now())
returning asset_id, version, head, key, pending_since, pending_author_id;

-- name: renew_lease
update dataset set writes_until = now() + interval '15 seconds' where asset_id = $1 and writer_id = $2;

-- name: release_lease
update dataset set writer_id = null, writes_until = null where asset_id = $1 and writer_id = $2;

-- name: save_head
-- Saves the result of a write. $5 is the author of changes that are not a version yet, or null.
update dataset set head = $3::jsonb, key = $4, changed_on = now(),
                   pending_since = case when $5::uuid is null then null else coalesce(pending_since, now()) end,
                   pending_author_id = $5, version = $6
where asset_id = $1 and writer_id = $2
returning asset_id;

-- name: create_version
insert into dataset_version (id, dataset_id, number, author_id, organization_id, name, created_on, row_count, size,
                             delta_version, key, manifest, sha3_512, salt)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- name: mark_anchored
update dataset_version v set status = 3, leaf_index = s.leaf_index, leaf_hash = s.leaf_hash, checkpoint_number = $4
from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as s (id, leaf_index, leaf_hash)
where v.id = s.id;

-- name: mark_failed
update dataset_version set status = 4 where id = any ($1::uuid[]);

-- name: find_dataset
select d.asset_id, d.version, d.head, d.key, d.pending_since, d.pending_author_id, a.organization_id, a.name
from dataset d join asset a on a.id = d.asset_id
where d.asset_id = $1;

-- name: list_indexes
select name, columns, is_unique from dataset_index where dataset_id = $1 order by created_on, name;

-- name: create_index
-- clock_timestamp() gives indexes created in one transaction different times, so that they keep their order.
insert into dataset_index (dataset_id, name, columns, is_unique, created_on)
values ($1, $2, $3, $4, clock_timestamp());

-- name: delete_indexes
delete from dataset_index where dataset_id = $1 and name = any ($2::text[]) returning name;

-- name: rename_in_indexes
update dataset_index set columns = array_replace(columns, $2, $3) where dataset_id = $1 and $2 = any (columns);

-- name: list_views
select id, dataset_id, name, description, sql_query, config, creator_id, created_on, updated_on
from dataset_view where dataset_id = $1 order by created_on, id limit $2;

-- name: find_view
select id, dataset_id, name, description, sql_query, config, creator_id, created_on, updated_on
from dataset_view where dataset_id = $1 and id = $2;

-- name: create_view
insert into dataset_view (id, dataset_id, name, description, sql_query, config, creator_id)
values ($1, $2, $3, $4, $5, $6::jsonb, $7);

-- name: update_view
update dataset_view set name = $3, description = $4, sql_query = $5, config = $6::jsonb, updated_on = now()
where dataset_id = $1 and id = $2;

-- name: delete_view
delete from dataset_view where dataset_id = $1 and id = $2 returning id;

-- name: list_visible
-- The types of those of the assets whose listing the person may see.
select a.id, a.asset_type from asset a where a.id = any ($1::uuid[]) and asset_role(a, $2, $3) >= 0;

-- name: list_abandoned
-- Datasets whose changes have waited for an hour to become a version.
select asset_id from dataset where pending_since < now() - interval '1 hour' order by pending_since limit 100;

-- name: list_due_for_sweep
-- Datasets whose files were last swept more than a day ago, the longest ago first.
select asset_id from dataset where swept_on < now() - interval '1 day' order by swept_on limit 100;

-- name: list_manifests
-- The manifests of all versions of a dataset.
select manifest from dataset_version where dataset_id = $1;

-- name: record_sweep
update dataset set swept_on = now() where asset_id = $1 and writer_id = $2;

-- name: find_existing
-- Those of the ids that are datasets.
select asset_id from dataset where asset_id = any ($1::uuid[]);

-- name: find_file
select f.file_name, f.blob_id, b.size from file f join blob b on b.id = f.blob_id where f.asset_id = $1;
