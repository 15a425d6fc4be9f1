-- name: create_notifications
-- Who is followed by the same person again and again is told once, until they have seen it.
insert into notification (id, destination_id, source_id, organization_id, type, asset_id, content)
select given.id, given.person_id, $3, $4, $5, $6, $7::jsonb
from unnest($1::uuid[], $2::uuid[]) as given (id, person_id)
on conflict (destination_id, source_id) where type = 'follow' and viewed_on is null do nothing;
