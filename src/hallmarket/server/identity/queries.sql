-- name: create_secret
insert into server_secret (name, value) values ($1, $2) on conflict do nothing;

-- name: get_secret
select value from server_secret where name = $1;

-- name: lock_first_start
-- Two servers that start on an empty database at the same time must not both create the first organization.
select pg_advisory_xact_lock(1718773366);

-- name: count_organizations
select count(*) from organization;

-- name: create_person
insert into person (id, username, firstname, lastname, email) values ($1, $2, $3, $4, $5) returning created_on;

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
-- No row if the key is already revoked.
update api_key k set revoked_on = now()
from person p
where k.id = $1 and k.revoked_on is null and p.id = k.person_id
returning k.id, k.person_id, k.organization_id, k.name, k.prefix, k.revoked_on, p.username;

-- name: find_key
select id, prefix, revoked_on from api_key where id = $1;

-- name: list_keys
select k.id, k.name, k.prefix, p.username, k.organization_id, k.scopes,
       k.created_on, k.expires_on, k.revoked_on, u.last_used_on
from api_key k
join person p on p.id = k.person_id
left join api_key_use u on u.api_key_id = k.id
order by k.created_on, k.id;

-- A person's own keys. A request with a key that is bound to an organization ($2 or $3) can list and revoke only the
-- keys bound to the same organization.

-- name: count_own_keys
select count(*) from api_key k
where k.person_id = $1
  and ($2::uuid is null or k.organization_id = $2)
  and ($3::boolean is null or $3 = (
      k.revoked_on is null and (k.expires_on is null or k.expires_on > now())
      and (k.organization_id is null or exists (
          select from membership m where m.organization_id = k.organization_id and m.person_id = k.person_id))));

-- name: list_own_keys
-- Newest first. $3 selects the valid keys (true), the invalid ones (false) or all (null).
select k.id, k.name, k.prefix, k.scopes, k.created_on, k.expires_on, k.revoked_on, u.last_used_on,
       o.id as organization_id, o.name as organization_name
from api_key k
left join organization o on o.id = k.organization_id
left join api_key_use u on u.api_key_id = k.id
where k.person_id = $1
  and ($2::uuid is null or k.organization_id = $2)
  and ($3::boolean is null or $3 = (
      k.revoked_on is null and (k.expires_on is null or k.expires_on > now())
      and (k.organization_id is null or exists (
          select from membership m where m.organization_id = k.organization_id and m.person_id = k.person_id))))
order by k.created_on desc, k.id desc
offset $4 limit $5;

-- name: find_own_key
select k.id, k.name, k.prefix, k.scopes, k.created_on, k.expires_on, k.revoked_on, u.last_used_on,
       o.id as organization_id, o.name as organization_name
from api_key k
left join organization o on o.id = k.organization_id
left join api_key_use u on u.api_key_id = k.id
where k.id = $1 and k.person_id = $2 and ($3::uuid is null or k.organization_id = $3);

-- name: revoke_own_key
-- No row if the key is already revoked.
update api_key k set revoked_on = now()
from person p
where k.id = $1 and k.person_id = $2 and ($3::uuid is null or k.organization_id = $3) and k.revoked_on is null
  and p.id = k.person_id
returning k.id, k.person_id, k.organization_id, k.name, k.prefix, p.username;

-- name: lock_person
-- The lock serializes the creation of one person's keys, so that the limit on their number holds.
select id, username from person where id = $1 for no key update;

-- name: lock_own_organization
-- The organization, if the person is a member. The lock keeps the membership until the transaction ends.
select o.id, o.name from membership m
join organization o on o.id = m.organization_id
where m.organization_id = $1 and m.person_id = $2
for key share of m;

-- name: lock_current_key
-- The key of the current request, if it is still valid. The lock prevents its revocation until the transaction ends.
select k.scopes, k.organization_id, k.expires_on from api_key k
where k.id = $1 and k.person_id = $2
  and k.revoked_on is null
  and (k.expires_on is null or k.expires_on > now())
  and (k.organization_id is null
       or exists (select from membership m where m.organization_id = k.organization_id and m.person_id = k.person_id))
for update of k;

-- name: count_live_keys
select count(*) from api_key
where person_id = $1 and revoked_on is null and (expires_on is null or expires_on > now());

-- name: find_principals
-- Only valid keys: not expired, not revoked, and their person is still a member of the organization they are bound to.
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

-- name: record_uses
insert into api_key_use (api_key_id, last_used_on)
select u.id, u.used_on from unnest($1::uuid[], $2::timestamptz[]) as u (id, used_on) order by u.id
on conflict (api_key_id) do update set last_used_on = greatest(api_key_use.last_used_on, excluded.last_used_on);

-- name: count_people
select count(*) from membership where organization_id = $1;

-- name: list_people
-- Newest first. $2 and $3 are the last row of the previous page, or null.
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
-- The given creators of media of one organization, with that organization.
select p.id, p.firstname, p.lastname, p.created_on, p.profile_picture,
       o.id as organization_id, o.name as organization_name, o.website_url, o.created_on as organization_created_on
from person p
cross join organization o
where o.id = $1 and p.id = any($2::uuid[]);

-- name: find_person_by_name_or_id
-- At most one row, because no username is a UUID.
select id from person where username = $1 or id = $2;

-- name: list_profiles
-- The people $2 as person $1 sees them, in the order of the ids.
select p.id, p.username, full_name(p.firstname, p.lastname) as name, p.profile_picture, p.bio,
       p.actor_type, p.created_on,
       (select max(u.last_used_on) from api_key k join api_key_use u on u.api_key_id = k.id where k.person_id = p.id)
           as last_active_on,
       (select count(*) from follow f where f.followed_id = p.id) as followers,
       (select count(*) from follow f where f.follower_id = p.id) as following,
       p.id = $1 as is_self,
       exists (select from follow f where f.follower_id = $1 and f.followed_id = p.id) as is_following,
       exists (select from follow f where f.follower_id = p.id and f.followed_id = $1) as is_followed
from unnest($2::uuid[]) with ordinality as requested (id, position)
join person p on p.id = requested.id
order by requested.position;

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
-- Best matches first: the whole username, the whole name, the start of the username, the start of a word of the name,
-- and then any other match. Ties are ordered by username.
with found as (
    select p.id, p.username,
           case when p.username = query.text then 0
                when person.name = query.text then 1
                when starts_with(p.username, query.text) then 2
                when position(' ' || query.text in ' ' || person.name) > 0 then 3
                else 4 end as distance
    from person p
    cross join (select lower($1) as text) query
    cross join lateral (select lower(full_name(p.firstname, p.lastname)) as name) person
    where position(query.text in p.username) > 0 or position(query.text in person.name) > 0
)
select (select count(*) from found) as total,
       array(select id from found order by distance, username offset $2 limit $3) as ids;

-- name: lock_follower
-- The lock serializes concurrent toggles, so that two of them cancel out.
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

-- Organizations and their members.

-- name: create_organization
-- No row if the slug is taken. If $4 is null, the slug is derived from the name.
insert into organization (id, name, website_url, slug) values ($1, $2, $3, coalesce($4, slug_of($2)))
on conflict (slug) do nothing
returning slug;

-- name: create_organization_with_suffix
-- For a name whose slug is taken: the slug gets the end of the id as a suffix.
insert into organization (id, name, website_url, slug)
values ($1::uuid, $2, $3, slug_of($2) || '-' || right($1::uuid::text, 12))
returning slug;

-- name: lock_organization
-- Serializes changes to an organization and its memberships. Without it, an administrator could be demoted while the
-- only other one leaves. The foreign keys of new members do not wait for this lock.
select id, name as display_name, website_url, mission, avatar_path, join_policy, visibility, source_policy,
       actor_type_policy
from organization where id = $1
for no key update;

-- name: find_role
-- A person's role in an organization that they may see; null for a person who is not a member. Here and below, a key
-- that is bound to one organization ($3) makes its person a non-member of all others.
select m.role
from organization o
left join membership m
    on m.organization_id = o.id and m.person_id = $2 and m.organization_id = coalesce($3, m.organization_id)
where o.id = $1 and (o.visibility = 'public' or m.role is not null);

-- name: update_organization
update organization
set name = $2, website_url = $3, mission = $4, avatar_path = $5, join_policy = $6, visibility = $7, source_policy = $8,
    actor_type_policy = $9, updated_on = now()
where id = $1;

-- name: get_organizations
-- The organizations with the ids $3 that person $1 may see, in the order of the ids.
select o.id, o.slug, o.name, o.website_url, o.mission, o.avatar_path, o.join_policy, o.visibility, o.source_policy,
       o.actor_type_policy, o.created_on, o.updated_on, m.role, t.id as team_id, t.name as team_name,
       exists (select from organization_join_request r where r.organization_id = o.id and r.person_id = $1) as has_join_request
from unnest($3::uuid[]) with ordinality as requested (id, position)
join organization o on o.id = requested.id
left join membership m
    on m.organization_id = o.id and m.person_id = $1 and m.organization_id = coalesce($2, m.organization_id)
left join team t on t.organization_id = m.organization_id and t.is_default
where o.visibility = 'public' or m.role is not null
order by requested.position;

-- name: find_organization_by_name
-- By slug or by exact name. The person's own organizations come first, so that another one with the same name cannot
-- hide them.
select o.id
from organization o
left join membership m
    on m.organization_id = o.id and m.person_id = $1 and m.organization_id = coalesce($2, m.organization_id)
where (o.slug = $3 or o.name = $3) and (o.visibility = 'public' or m.role is not null)
order by m.role is null, o.slug <> $3, o.id
limit 1;

-- name: list_own_organizations
with found as (
    select o.id, o.name from organization o join membership m on m.organization_id = o.id
    where m.person_id = $1 and m.organization_id = coalesce($2, m.organization_id)
)
select (select count(*) from found) as total,
       array(select id from found order by lower(name), id offset $3 limit $4) as ids;

-- name: list_discoverable_organizations
-- Public organizations of which the person is not a member, regardless of the organization their key is bound to.
with found as (
    select o.id, o.name from organization o
    where o.visibility = 'public'
      and not exists (select from membership m where m.organization_id = o.id and m.person_id = $1)
)
select (select count(*) from found) as total,
       array(select id from found order by lower(name), id offset $2 limit $3) as ids;

-- name: list_organizations
select o.id, o.slug, o.name, o.visibility, o.created_on, count(m.person_id) as members
from organization o
left join membership m on m.organization_id = o.id
group by o.id
order by o.created_on, o.id;

-- name: list_users
-- All people, or the members of organization $1, each with all their organizations.
select p.id, p.username, full_name(p.firstname, p.lastname) as name, p.email, p.created_on,
       array(select m.organization_id from membership m where m.person_id = p.id
             order by m.created_on, m.organization_id) as organizations,
       array(select m.role from membership m where m.person_id = p.id
             order by m.created_on, m.organization_id) as roles
from person p
where $1::uuid is null or exists (select from membership m where m.organization_id = $1 and m.person_id = p.id)
order by p.created_on, p.id;

-- name: list_members
-- Only if $2 is a member. All members, or only $3. Administrators first, then by the time they joined.
select m.person_id, m.role, m.created_on as joined_on, p.username,
       full_name(p.firstname, p.lastname) as name, p.profile_picture, p.actor_type
from membership m
join person p on p.id = m.person_id
where m.organization_id = $1
  and exists (select from membership own where own.organization_id = $1 and own.person_id = $2)
  and ($3::uuid is null or m.person_id = $3)
order by m.role <> 'admin', m.created_on, m.person_id
offset $4 limit $5;

-- name: create_membership
insert into membership (organization_id, person_id, role) values ($1, $2, $3) on conflict do nothing returning role;

-- name: find_join_policy
-- An organization's join policy, and whether its actor type policy admits the person.
select o.join_policy, o.name, p.username,
       case o.actor_type_policy when 'verified_only' then p.actor_type = 'verified'
                                when 'agents_only' then p.actor_type = 'agent'
                                else true end as is_actor_type_allowed
from organization o
cross join person p
where o.id = $1 and p.id = $2;

-- name: create_join_request
-- No row if the person already has a request.
insert into organization_join_request (id, organization_id, person_id) values ($1, $2, $3)
on conflict (organization_id, person_id) do nothing
returning id;

-- name: list_join_requests
-- Only if $2 is an administrator. Oldest first.
select r.id, r.organization_id, r.person_id, r.created_on, p.username, full_name(p.firstname, p.lastname) as name,
       p.profile_picture, p.actor_type
from organization_join_request r
join person p on p.id = r.person_id
where r.organization_id = $1
  and exists (select from membership own
              where own.organization_id = $1 and own.person_id = $2 and own.role = 'admin')
order by r.created_on, r.id
offset $3 limit $4;

-- name: count_join_requests
select count(*) from organization_join_request where organization_id = $1;

-- name: delete_join_request
delete from organization_join_request where organization_id = $1 and id = $2 returning person_id;

-- name: delete_join_request_of_member
-- A new member's pending request is obsolete, no matter how they joined.
delete from organization_join_request where organization_id = $1 and person_id = $2;

-- name: list_administrators
select person_id from membership where organization_id = $1 and role = 'admin' order by person_id;

-- name: change_role
-- No row if that would leave the organization without an administrator. The caller has locked the organization.
update membership m set role = $3
where m.organization_id = $1 and m.person_id = $2
  and ($3 = 'admin' or m.role <> 'admin' or exists (
      select from membership other where other.organization_id = $1 and other.role = 'admin' and other.person_id <> $2))
returning role;

-- name: delete_membership
-- No row if that would leave the organization without an administrator. The caller has locked the organization.
delete from membership m
where m.organization_id = $1 and m.person_id = $2
  and (m.role <> 'admin' or exists (
      select from membership other where other.organization_id = $1 and other.role = 'admin' and other.person_id <> $2))
returning role;

-- name: revoke_keys_of_member
-- Keys bound to an organization end with the membership. They stay revoked if the person joins again.
update api_key k set revoked_on = now()
from person p
where k.organization_id = $1 and k.person_id = $2 and k.revoked_on is null and p.id = k.person_id
returning k.id, k.person_id, k.organization_id, k.name, k.prefix, p.username;
