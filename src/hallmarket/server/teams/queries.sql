-- name: list_teams
-- The teams that person $1 may see: those of their organizations, and public ones. $2 is the organization that the
-- person acts in, or null for all of theirs. The filters: $3 one team, $4 one organization, $5 joined teams, $6 public teams.
select t.id, t.name, t.organization_id, t.description, t.visibility, t.default_role, t.join_policy, t.source_policy,
       t.actor_type_policy, t.is_default, t.created_on, t.updated_on,
       o.slug as organization_slug, o.name as organization_name, o.visibility as organization_visibility,
       o.join_policy as organization_join_policy, o.source_policy as organization_source_policy,
       o.actor_type_policy as organization_actor_type_policy,
       (select count(*) from team_member c where c.team_id = t.id) as member_count,
       m.person_id is not null as is_organization_member, i.role, i.created_on as added_on,
       coalesce(i.role = 'admin' or m.role = 'admin', false) as is_moderator,
       exists (select from team_ban b where b.team_id = t.id and b.person_id = m.person_id) as is_banned,
       r.id as request_id, r.status as request_status, r.created_on as requested_on, r.decided_on
from team t
join organization o on o.id = t.organization_id
left join membership m
    on m.organization_id = t.organization_id and m.person_id = $1
    and m.organization_id = coalesce($2, m.organization_id)
left join team_member i on i.team_id = t.id and i.person_id = m.person_id
left join team_join_request r on r.team_id = t.id and r.person_id = m.person_id and r.status <> 'approved'
where (t.visibility = 'public'
       or t.organization_id = any (array(select organization_id from membership
                                         where person_id = $1 and organization_id = coalesce($2, organization_id))))
  and ($3::uuid is null or t.id = $3)
  and ($4::uuid is null or t.organization_id = $4)
  and (not $5::boolean or i.person_id is not null)
  and (not $6::boolean or t.visibility = 'public')
order by t.organization_id, not t.is_default, t.name
offset $7 limit $8;

-- name: lock_team
-- Taken before any other lock: serializes changes to a team and its members. It is `no key` so that new members of the
-- organization can join its default team without waiting.
select id from team where id = $1 for no key update;

-- name: find_team_and_role
-- Team $1, if person $2 may see it, and the person's role in it. $3 is the organization that the person acts in, or null
-- for all of theirs.
select t.id, t.organization_id, t.is_default, t.name, t.description, t.visibility, t.default_role, t.join_policy,
       t.source_policy, t.actor_type_policy, coalesce(t.join_policy, o.join_policy) as effective_join_policy,
       p.username as caller_name, m.person_id is not null as is_organization_member, i.role,
       coalesce(i.role = 'admin' or m.role = 'admin', false) as is_moderator,
       coalesce(m.role = 'admin', false) as is_organization_admin,
       exists (select from team_ban b where b.team_id = t.id and b.person_id = p.id) as is_banned
from team t
join organization o on o.id = t.organization_id
join person p on p.id = $2
left join membership m
    on m.organization_id = t.organization_id and m.person_id = p.id
    and m.organization_id = coalesce($3, m.organization_id)
left join team_member i on i.team_id = t.id and i.person_id = m.person_id
where t.id = $1 and (m.person_id is not null or t.visibility = 'public');

-- name: lock_membership
-- The caller's membership of the organization. The lock keeps it until the transaction ends. $3 as above.
select person_id from membership
where organization_id = $1 and person_id = $2 and organization_id = coalesce($3, organization_id)
for key share;

-- name: create_team
insert into team (id, organization_id, creator_id, name, description, visibility, default_role, join_policy,
                  source_policy, actor_type_policy)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (organization_id, name) do nothing
returning id;

-- name: update_team
update team set name = $2, description = $3, visibility = $4, default_role = $5, join_policy = $6, source_policy = $7,
                actor_type_policy = $8, updated_on = now()
where id = $1;

-- name: delete_team
delete from team where id = $1 and not is_default;

-- name: list_members
-- Administrators first, then by the time they joined.
select i.person_id, i.role, i.created_on,
       p.username, full_name(p.firstname, p.lastname) as name, p.profile_picture, p.actor_type
from team_member i
join person p on p.id = i.person_id
where i.team_id = $1 and ($2::uuid is null or i.person_id = $2)
order by i.role <> 'admin', i.created_on, i.person_id
offset $3 limit $4;

-- name: create_member
-- No row if the person is already in the team, or no longer in its organization. The membership is locked, so a
-- concurrent deletion of it either comes first or deletes the new row too. A null role means the team's default.
insert into team_member (team_id, organization_id, person_id, role)
select t.id, t.organization_id, m.person_id, coalesce($3, t.default_role)
from team t join membership m on m.organization_id = t.organization_id and m.person_id = $2
where t.id = $1
for key share of m
on conflict (team_id, person_id) do nothing
returning role;

-- name: change_role
update team_member set role = $3 where team_id = $1 and person_id = $2;

-- name: delete_member
delete from team_member where team_id = $1 and person_id = $2 returning role;

-- name: count_admins
select count(*) from team_member where team_id = $1 and role = 'admin';

-- name: list_moderators
-- The people to notify of a request: the team's administrators, or the organization's if the team has none.
select person_id from team_member where team_id = $1 and role = 'admin'
union all
select m.person_id from membership m join team t on t.organization_id = m.organization_id
where t.id = $1 and m.role = 'admin'
  and not exists (select from team_member i where i.team_id = t.id and i.role = 'admin');

-- name: find_person
-- Any person, and their relation to the team.
select p.id, i.role, m.person_id is not null as is_organization_member, coalesce(m.role = 'admin', false) as is_organization_admin,
       exists (select from team_ban b where b.team_id = t.id and b.person_id = p.id) as is_banned
from team t
join person p on p.id = $2
left join membership m on m.organization_id = t.organization_id and m.person_id = p.id
left join team_member i on i.team_id = t.id and i.person_id = p.id
where t.id = $1;

-- name: create_request
-- No row if a request is already pending. A decided request is replaced.
insert into team_join_request (id, team_id, organization_id, person_id)
select $1, t.id, t.organization_id, m.person_id
from team t join membership m on m.organization_id = t.organization_id and m.person_id = $3
where t.id = $2
for key share of m
on conflict (team_id, person_id) do update
    set id = excluded.id, status = 'pending', created_on = now(), decided_on = null, decided_by = null
    where team_join_request.status <> 'pending'
returning id;

-- name: list_requests
-- Pending requests, oldest first: all of them if $3 (the caller is a moderator), else only those of person $2.
select r.id, r.team_id, r.person_id, r.status, r.created_on, r.decided_on,
       p.username, full_name(p.firstname, p.lastname) as name, p.profile_picture, p.actor_type
from team_join_request r
join person p on p.id = r.person_id
where r.team_id = $1 and r.status = 'pending' and ($3::boolean or r.person_id = $2)
order by r.created_on, r.id
offset $4 limit $5;

-- name: find_request
select person_id, status from team_join_request where id = $2 and team_id = $1;

-- name: decide_request
-- Sets the status of the person's pending request, if there is one.
update team_join_request set status = $3, decided_on = now(), decided_by = $4
where team_id = $1 and person_id = $2 and status = 'pending';

-- name: list_bans
-- Newest first.
select b.id, b.team_id, b.person_id, b.reason, b.created_on,
       p.username, full_name(p.firstname, p.lastname) as name, p.profile_picture, p.actor_type
from team_ban b
join person p on p.id = b.person_id
where b.team_id = $1
order by b.created_on desc, b.id desc
offset $2 limit $3;

-- name: create_ban
insert into team_ban (id, team_id, person_id, reason, banned_by) values ($1, $2, $3, $4, $5)
on conflict (team_id, person_id) do nothing
returning id;

-- name: remove_contributions
-- Moves the person's assets from the team to the organization's default team. The function belongs to the catalog.
select asset_remove_contributions($1, $2);

-- name: delete_ban
delete from team_ban where team_id = $1 and person_id = $2 returning id;

-- name: advance_read_marker
update team_member set seen_on = $3 where team_id = $1 and person_id = $2 and seen_on < $3;
