-- name: create_notifications
-- A repeated follow by the same person creates no new notification until the first one is read.
insert into notification (id, destination_id, source_id, organization_id, type, asset_id, content)
select id, person_id, source_id, organization_id, type, asset_id, content::jsonb
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[])
  as given (id, person_id, source_id, organization_id, type, asset_id, content)
on conflict (destination_id, source_id) where type = 'follow' and viewed_on is null do nothing;

-- name: list_notifications
-- Newest first. $2 is the organization that the caller's key is bound to: only its notifications and personal ones are
-- listed. $3 filters by organization (the zero UUID means personal notifications), $4 by unread, $5 by type.
with found as (
    select id, created_on
    from notification
    where destination_id = $1
      and ($2::uuid is null or organization_id is null or organization_id = $2)
      and ($3::uuid is null or coalesce(organization_id, '00000000-0000-0000-0000-000000000000') = $3)
      and (not $4 or viewed_on is null)
      and ($5::text[] is null or type = any($5))
)
select (select count(*) from found) as total,
       array(select id from found order by created_on desc, id desc offset $6 limit $7) as ids;

-- name: count_unread
select count(*)
from notification
where destination_id = $1
  and viewed_on is null
  and ($2::uuid is null or organization_id is null or organization_id = $2)
  and ($3::uuid is null or coalesce(organization_id, '00000000-0000-0000-0000-000000000000') = $3);

-- name: mark_read
-- Returns the notifications that belong to the person, including those already read. Ordered by id, so that two
-- requests can never deadlock.
with mine as (
    select id, viewed_on
    from notification
    where id = any($3::uuid[]) and destination_id = $1
      and ($2::uuid is null or organization_id is null or organization_id = $2)
    order by id
    for update
), marked as (
    update notification set viewed_on = now() where id in (select id from mine where viewed_on is null)
)
select id from mine;

-- name: get_notifications
-- The person's notifications with the given ids, in that order.
select n.id, n.destination_id, n.source_id, n.asset_id, n.type, n.content, n.created_on, n.viewed_on,
       coalesce(n.organization_id, '00000000-0000-0000-0000-000000000000') as organization_id,
       p.username, full_name(p.firstname, p.lastname) as name, p.profile_picture, p.bio, p.actor_type
from unnest($2::uuid[]) with ordinality as requested (id, position)
join notification n on n.id = requested.id
left join person p on p.id = n.source_id
where n.destination_id = $1
order by requested.position;
