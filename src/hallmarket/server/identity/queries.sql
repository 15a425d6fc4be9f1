-- name: make_secret
insert into server_secret (name, value) values ($1, $2) on conflict do nothing;

-- name: get_secret
select value from server_secret where name = $1;

-- name: lock_first_start
-- Two servers that start at once on an empty database must not both make the first organization.
select pg_advisory_xact_lock(1718773366);

-- name: count_organizations
select count(*) from organization;

-- name: create_organization
-- The first of a name has its plain slug; a later one carries the end of its id.
insert into organization (id, name, website_url, slug)
select $1::uuid, $2, $3, case when exists (select from organization where slug = slug_of($2))
                        then slug_of($2) || '-' || right($1::uuid::text, 12) else slug_of($2) end
returning created_on;

-- name: create_person
insert into person (id, username, firstname, lastname, email) values ($1, $2, $3, $4, $5) returning created_on;

-- name: create_membership
insert into membership (organization_id, person_id, role) values ($1, $2, $3);

-- name: find_organization
select id, name from organization where id = $1;

-- name: find_person
select id, username from person where username = $1;

-- name: find_membership
select role from membership where organization_id = $1 and person_id = $2;

-- name: create_key
insert into api_key (id, person_id, organization_id, name, prefix, key_hash, scopes, expires_on)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning created_on;

-- name: revoke_key
-- Revoking twice keeps the first time.
update api_key set revoked_on = coalesce(revoked_on, now()) where id = $1 returning id, prefix, revoked_on;

-- name: list_keys
select k.id, k.name, k.prefix, p.username, k.organization_id, k.scopes,
       k.created_on, k.expires_on, k.revoked_on, u.last_used_on
from api_key k
join person p on p.id = k.person_id
left join api_key_use u on u.api_key_id = k.id
order by k.created_on, k.id;

-- name: find_callers
-- A key speaks only while it is neither expired nor revoked, and only while its person is in its organization.
select k.key_hash, k.id, k.name, k.person_id, k.organization_id, k.scopes, k.expires_on,
       array(select m.organization_id from membership m where m.person_id = k.person_id) as organizations,
       p.username, full_name(p.firstname, p.lastname) as person_name, p.email
from api_key k
join person p on p.id = k.person_id
where (k.key_hash = any($1::bytea[]) or k.id = any($2::uuid[]))
  and k.revoked_on is null
  and (k.expires_on is null or k.expires_on > now())
  and (k.organization_id is null
       or exists (select from membership m where m.organization_id = k.organization_id and m.person_id = k.person_id));

-- name: note_uses
insert into api_key_use (api_key_id, last_used_on)
select u.id, u.used_on from unnest($1::uuid[], $2::timestamptz[]) as u (id, used_on) order by u.id
on conflict (api_key_id) do update set last_used_on = greatest(api_key_use.last_used_on, excluded.last_used_on);

-- name: count_people
select count(*) from membership where organization_id = $1;

-- name: list_people
-- Newest first; `$2, $3` is the last row of the page before, or null.
select p.id, p.firstname, p.lastname, p.created_on, p.profile_picture, m.created_on as joined_on,
       o.id as organization_id, o.name as organization_name, o.website_url, o.created_on as organization_created_on
from membership m
join person p on p.id = m.person_id
join organization o on o.id = m.organization_id
where m.organization_id = $1
  and ($2::timestamptz is null or (m.created_on, m.person_id) < ($2, $3::uuid))
order by m.created_on desc, m.person_id desc
offset $4 limit $5;

-- name: list_creators
-- The people who made some media of one organization, with that organization.
select p.id, p.firstname, p.lastname, p.created_on, p.profile_picture,
       o.id as organization_id, o.name as organization_name, o.website_url, o.created_on as organization_created_on
from person p
cross join organization o
where o.id = $1 and p.id = any($2::uuid[]);

-- name: find_someone
-- No username is a UUID, so there is at most one.
select id from person where username = $1 or id = $2;

-- name: list_profiles
-- People as `$1` sees them, in the order of the ids.
select p.id, p.username, full_name(p.firstname, p.lastname) as name, p.profile_picture, p.bio,
       p.actor_type, p.created_on,
       (select max(u.last_used_on) from api_key k join api_key_use u on u.api_key_id = k.id where k.person_id = p.id)
           as last_active_on,
       (select count(*) from follow f where f.followed_id = p.id) as followers,
       (select count(*) from follow f where f.follower_id = p.id) as following,
       p.id = $1 as is_self,
       exists (select from follow f where f.follower_id = $1 and f.followed_id = p.id) as is_following,
       exists (select from follow f where f.follower_id = p.id and f.followed_id = $1) as is_followed
from unnest($2::uuid[]) with ordinality as wanted (id, place)
join person p on p.id = wanted.id
order by wanted.place;

-- name: update_profile
update person
set firstname = case when $2 then $3 else firstname end,
    lastname = case when $2 then $4 else lastname end,
    bio = case when $5 then $6 else bio end
where id = $1;

-- name: count_usage
select (select count(*) from membership where person_id = $1) as organizations,
       (select count(*) from api_key where person_id = $1 and revoked_on is null
        and (expires_on is null or expires_on > now())) as api_keys;

-- name: search_people
-- The nearer the match the earlier: a whole username, a whole name, the beginning of either or of a part of the name,
-- the rest; ties by username.
with found as (
    select p.id, p.username,
           case when p.username = wanted.text then 0
                when person.name = wanted.text then 1
                when starts_with(p.username, wanted.text) then 2
                when position(' ' || wanted.text in ' ' || person.name) > 0 then 3
                else 4 end as distance
    from person p
    cross join (select lower($1) as text) wanted
    cross join lateral (select lower(full_name(p.firstname, p.lastname)) as name) person
    where position(wanted.text in p.username) > 0 or position(wanted.text in person.name) > 0
)
select (select count(*) from found) as total,
       array(select id from found order by distance, username offset $2 limit $3) as ids;

-- name: lock_follower
-- Whoever toggles twice at once toggles twice, one after the other.
select username from person where id = $1 for no key update;

-- name: unfollow
delete from follow where follower_id = $1 and followed_id = $2 returning id;

-- name: follow
insert into follow (id, follower_id, followed_id) values ($1, $2, $3);

-- name: count_follows
select count(*) from follow where follower_id = $1 or followed_id = $1;

-- name: list_follows
-- Both directions, newest first.
select id, follower_id, followed_id, created_on
from follow
where follower_id = $1 or followed_id = $1
order by created_on desc, id desc
offset $2 limit $3;
