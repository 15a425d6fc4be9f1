-- name: find_version
-- The newest without a number.
select v.id, v.dataset_id, v.number, v.author_id, v.organization_id, v.name, v.created_on, v.row_count, v.size,
       v.delta_version, v.key, v.manifest, v.sha3_512, v.salt, v.status, v.leaf_index, v.checkpoint_number
from dataset_version v
join dataset d on d.asset_id = v.dataset_id
where v.dataset_id = $1 and v.number = coalesce($2, d.version);

-- name: list_versions
-- Newest first, or the one of a number.
select v.id, v.dataset_id, v.number, v.created_on, v.row_count, v.size, v.delta_version, v.sha3_512, v.status,
       jsonb_array_length(v.manifest::jsonb -> 'columns') as column_count, v.leaf_index,
       v.checkpoint_number, c.created_on as anchored_on, v.author_id as person_id, p.username, full_name(p.firstname, p.lastname) as name,
       p.profile_picture, p.actor_type
from dataset_version v
join person p on p.id = v.author_id
left join log_checkpoint c on c.number = v.checkpoint_number
where v.dataset_id = $1 and ($4::int is null or v.number = $4)
order by v.number desc
offset $2 limit $3;
