-- name: list_teams
-- The teams `$1` may see: those of their organizations, and public ones. `$2` is the one organization that the request
-- may reach as a member, or null; `$3` to `$6` choose one team, one organization, joined ones, public ones.
select t.id, t.name, t.organization_id, t.description, t.visibility, t.default_role, t.join_policy, t.source_policy,
       t.actor_type_policy, t.is_default, t.created_on, t.updated_on,
       o.slug as organization_slug, o.name as organization_name, o.visibility as organization_visibility,
       o.join_policy as organization_join_policy, o.source_policy as organization_source_policy,
       o.actor_type_policy as organization_actor_type_policy,
       (select count(*) from team_member c where c.team_id = t.id) as member_count,
       m.person_id is not null as belongs, i.role, i.created_on as added_on,
       coalesce(i.role = 'admin' or m.role = 'admin', false) as moderates,
       exists (select from team_ban b where b.team_id = t.id and b.person_id = m.person_id) as is_banned,
       r.id as request_id, r.status as request_status, r.created_on as requested_on, r.decided_on
from team t
join organization o on o.id = t.organization_id
left join membership m
    on m.organization_id = t.organization_id and m.person_id = $1 and m.organization_id = coalesce($2, m.organization_id)
left join team_member i on i.team_id = t.id and i.person_id = m.person_id
left join team_join_request r on r.team_id = t.id and r.person_id = m.person_id and r.status <> 'approved'
where (m.person_id is not null or t.visibility = 'public')
  and ($3::uuid is null or t.id = $3)
  and ($4::uuid is null or t.organization_id = $4)
  and (not $5::boolean or i.person_id is not null)
  and (not $6::boolean or t.visibility = 'public')
order by t.organization_id, not t.is_default, t.name
offset $7 limit $8;
