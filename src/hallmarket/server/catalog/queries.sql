-- Everywhere `asset_role` decides: $1 is the asset or assets, then come the person and the one organization that the
-- request's key opens, or null.

-- name: find_access
select a.id, a.asset_type, asset_role(a, $2, $3) as role, a.owner_id, a.organization_id, a.team_id, a.parent_id,
       a.visibility, a.audience, a.name, a.monetization
from asset a
where a.id = $1 and asset_role(a, $2, $3) >= 0;

-- name: lock_asset
-- Always first: whatever changes an asset, or who may do what to it, goes one after the other.
select id from asset where id = $1 for no key update;

-- name: list_assets
-- In the order asked for.
select a.id, a.asset_type, a.owner_id, a.organization_id, a.team_id, a.visibility, a.state, a.source, a.name, a.slug,
       a.description, a.parent_id, a.lineage_role, a.source_id, a.family_id, a.license_id, a.metadata, a.attribution,
       a.preview, a.monetization, a.price_usd, a.price_sats, a.unit_cost_usd, a.unit_cost_sats, a.cost_accounting,
       a.cost_unit, a.max_billable_seconds, a.created_on, a.updated_on, asset_role(a, $2, $3) as role,
       p.username, full_name(p.firstname, p.lastname) as owner_name, p.profile_picture, p.actor_type,
       o.name as organization_name, t.name as team_name
from unnest($1::uuid[]) with ordinality as wanted (id, place)
join asset a on a.id = wanted.id
join person p on p.id = a.owner_id
left join organization o on o.id = a.organization_id
left join team t on t.id = a.team_id
where asset_role(a, $2, $3) >= 0
order by wanted.place;

-- name: list_children
-- What stands in an asset: not what was said of it.
select a.id
from asset a
where a.parent_id = $1 and a.asset_type <> 'comment' and asset_role(a, $2, $3) >= 0
order by a.created_on, a.id
limit $4;

-- name: find_place
-- Where an asset is to go: a team of an organization the person is a member of, the default team unless one is named.
-- `$4` is the one organization that the request's key opens, or null.
select t.id as team_id, t.visibility, coalesce(t.source_policy, o.source_policy) as source_policy,
       coalesce(t.actor_type_policy, o.actor_type_policy) as actor_type_policy, p.actor_type,
       coalesce(i.role in ('write', 'admin') or m.role = 'admin', false) as may_write
from membership m
join organization o on o.id = m.organization_id
join person p on p.id = m.person_id
join team t on t.organization_id = m.organization_id and case when $3::uuid is null then t.is_default else t.id = $3 end
left join team_member i on i.team_id = t.id and i.person_id = m.person_id
where m.organization_id = $1 and m.person_id = $2 and m.organization_id = coalesce($4, m.organization_id)
for key share of m;

-- name: create_asset
insert into asset (id, asset_type, owner_id, organization_id, team_id, parent_id, visibility, source, name, slug,
                   description, license_id, attribution, metadata, preview, monetization, price_usd, price_sats,
                   unit_cost_usd, unit_cost_sats, cost_accounting, cost_unit, max_billable_seconds, lineage_role,
                   source_id, family_id, body)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13::jsonb, $14::jsonb, $15::jsonb, $16, $17, $18,
        $19, $20, $21, $22, $23, $24, $25, $26, $27);

-- name: find_fields
select organization_id, team_id, parent_id, visibility, source, name, slug, description, license_id, attribution,
       monetization, price_usd, price_sats, unit_cost_usd, unit_cost_sats, cost_accounting, cost_unit,
       max_billable_seconds, lineage_role, source_id, family_id
from asset where id = $1;

-- name: update_asset
update asset set organization_id = $2, team_id = $3, parent_id = $4, visibility = $5, source = $6, name = $7, slug = $8,
                 description = $9::jsonb, license_id = $10, attribution = $11::jsonb, monetization = $12,
                 price_usd = $13, price_sats = $14, unit_cost_usd = $15, unit_cost_sats = $16, cost_accounting = $17,
                 cost_unit = $18, max_billable_seconds = $19, lineage_role = $20, source_id = $21, family_id = $22,
                 updated_on = now()
where id = $1;

-- name: describe_asset
-- What its type says of it; null leaves a part as it is.
update asset set metadata = coalesce($2::jsonb, metadata), preview = coalesce($3::jsonb, preview),
                 body = coalesce($4, body), updated_on = now()
where id = $1;

-- name: list_family
-- An asset, everything said of it and in it, and so on downwards; `takes` where it goes with its parent: what was said
-- always, the rest if children are wanted and the caller administers it.
with recursive family as (
    select a.id, a.asset_type, a.name, a.owner_id, a.organization_id, a.team_id, a.visibility, a.created_on,
           true as takes, 0 as depth
    from asset a where a.id = $1
    union all
    select a.id, a.asset_type, a.name, a.owner_id, a.organization_id, a.team_id, a.visibility, a.created_on,
           a.asset_type = 'comment' or ($4::boolean and asset_role(a, $2, $3) = 3), f.depth + 1
    from family f join asset a on a.parent_id = f.id
    where f.takes
)
select * from family order by depth, created_on, id;

-- name: leave_parents
-- Whose parents go and who stay: on their own, and where they inherited, their owner's alone.
update asset set parent_id = null, visibility = case visibility when 'inherit' then 'private' else visibility end
where id = any ($1::uuid[]);

-- name: delete_assets
delete from asset where id = any ($1::uuid[]);

-- name: grant_role
insert into permission (id, asset_id, person_id, role, granter_id) values ($1, $2, $3, $4, $5)
on conflict (asset_id, person_id) do update
    set role = excluded.role, granter_id = excluded.granter_id, updated_on = now();

-- name: revoke_role
delete from permission where asset_id = $1 and person_id = $2 returning id;

-- name: list_permissions
-- The owner first, then by when they were granted.
select g.id, g.asset_id, a.asset_type, g.role, g.granter_id, g.created_on, g.updated_on, a.organization_id,
       a.visibility, g.person_id, p.username, full_name(p.firstname, p.lastname) as name, p.profile_picture,
       p.actor_type
from permission g
join asset a on a.id = g.asset_id
join person p on p.id = g.person_id
where g.asset_id = $1
order by g.person_id <> a.owner_id, g.created_on, g.id
offset $2 limit $3;

-- name: connect
insert into connection (id, type, source_id, target_id, creator_id)
select i, $2, $3, t, $5 from unnest($1::uuid[], $4::uuid[]) as wanted (i, t)
where exists (select from asset where id = t)
on conflict (source_id, target_id, type) do nothing;

-- name: disconnect
-- All but those to `$3`.
delete from connection where source_id = $1 and type = $2 and target_id <> all ($3::uuid[]);
