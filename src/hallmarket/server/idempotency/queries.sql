-- name: claim_keys
-- Waits for open transactions that have claimed the same keys, so that their responses can be replayed afterwards.
insert into stored_response (organization_id, person_id, key, request_digest)
select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bytea[]) as claim (organization_id, person_id, key, digest)
order by organization_id, person_id, key
on conflict do nothing
returning organization_id, person_id, key;

-- name: find_stored_responses
select i.organization_id, i.person_id, i.key, i.request_digest, i.status, i.body
from stored_response i
join unnest($1::uuid[], $2::uuid[], $3::text[]) as requested (organization_id, person_id, key)
  using (organization_id, person_id, key);

-- name: store_responses
update stored_response i set status = response.status, body = response.body
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::bytea[])
  as response (organization_id, person_id, key, status, body)
where i.organization_id = response.organization_id and i.person_id = response.person_id and i.key = response.key;

-- name: delete_expired_responses
delete from stored_response where created_on < now() - interval '1 day';
