-- name: record_events
insert into audit_event
    (id, organization_id, person_id, actor_id, actor_key_id, address, user_agent, request_id, action, subject_id, details)
select id, organization_id, person_id, actor_id, key_id, address, user_agent, request_id, action, subject_id, details::jsonb
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::uuid[], $11::text[])
  as event (id, organization_id, person_id, actor_id, key_id, address, user_agent, request_id, action, subject_id, details);

-- name: find_role
select role from membership where organization_id = $1 and person_id = $2;

-- name: count_organization_events
-- 0 unless the person is an administrator of the organization when the statement runs.
select count(*) from audit_event e
where e.organization_id = $1
  and exists (select from membership m where m.organization_id = $1 and m.person_id = $2 and m.role = 'admin')
  and ($3::text is null or e.action = $3)
  and ($4::uuid is null or e.actor_id = $4)
  and ($5::uuid is null or e.subject_id = $5)
  and ($6::timestamptz is null or e.created_on >= $6)
  and ($7::timestamptz is null or e.created_on < $7);

-- name: list_organization_events
-- Newest first. $8 and $9 are the last row of the previous page, or null.
select e.* from named_audit_event e
where e.organization_id = $1
  and exists (select from membership m where m.organization_id = $1 and m.person_id = $2 and m.role = 'admin')
  and ($3::text is null or e.action = $3)
  and ($4::uuid is null or e.actor_id = $4)
  and ($5::uuid is null or e.subject_id = $5)
  and ($6::timestamptz is null or e.created_on >= $6)
  and ($7::timestamptz is null or e.created_on < $7)
  and ($8::timestamptz is null or (e.created_on, e.id) < ($8, $9::uuid))
order by e.created_on desc, e.id desc
offset $10 limit $11;

-- name: count_personal_events
-- Events that concern a person and no organization.
select count(*) from audit_event e
where e.organization_id is null
  and e.person_id = $1
  and ($2::text is null or e.action = $2)
  and ($3::uuid is null or e.actor_id = $3)
  and ($4::uuid is null or e.subject_id = $4)
  and ($5::timestamptz is null or e.created_on >= $5)
  and ($6::timestamptz is null or e.created_on < $6);

-- name: list_personal_events
-- Newest first. $7 and $8 are the last row of the previous page, or null.
select e.* from named_audit_event e
where e.organization_id is null
  and e.person_id = $1
  and ($2::text is null or e.action = $2)
  and ($3::uuid is null or e.actor_id = $3)
  and ($4::uuid is null or e.subject_id = $4)
  and ($5::timestamptz is null or e.created_on >= $5)
  and ($6::timestamptz is null or e.created_on < $6)
  and ($7::timestamptz is null or (e.created_on, e.id) < ($7, $8::uuid))
order by e.created_on desc, e.id desc
offset $9 limit $10;

-- name: list_all_events
-- For the admin command, whose users can read the database anyway.
select e.* from named_audit_event e
where ($1::uuid is null or e.organization_id = $1)
  and ($2::text is null or e.action = $2)
  and ($3::timestamptz is null or e.created_on >= $3)
order by e.created_on desc, e.id desc
limit $4;
