-- `asset_role` decides access in every query. Unless a comment says otherwise, $1 is the asset or assets, and the next
-- two parameters are the viewer: the person, and the only organization that their API key opens, or null.

-- name: find_access
select a.id, a.asset_type, asset_role(a, $2, $3) as role, a.owner_id, a.organization_id, a.team_id, a.parent_id,
       a.visibility, a.audience, a.name, a.monetization
from asset a
where a.id = $1 and asset_role(a, $2, $3) >= 0;

-- name: find_sold_asset
-- The asset that must be bought to read an asset: the asset itself, or the one it inherits its visibility from.
select s.id, s.asset_type, s.monetization, s.price_usd, s.price_sats
from asset a join asset s on s.id = a.access_id
where a.id = $1;

-- name: lock_asset
-- Taken first by every transaction that changes an asset or its permissions, so that they run one after the other.
select id from asset where id = $1 for no key update;

-- name: list_assets
-- In the order of $1. $4: whether to include the licence texts, which are long.
select a.id, a.asset_type, a.owner_id, a.organization_id, a.team_id, a.visibility, a.state, a.source, a.name, a.slug,
       a.description, a.parent_id, a.lineage_role, a.source_id, a.family_id, a.license_id,
       case when $4::boolean then a.license_text end as license_text, a.metadata, a.attribution, a.preview,
       a.monetization, a.price_usd, a.price_sats, a.unit_cost_usd, a.unit_cost_sats, a.cost_accounting, a.cost_unit,
       a.max_billable_seconds, a.created_on, a.updated_on, asset_role(a, $2, $3) as role,
       p.username, full_name(p.firstname, p.lastname) as owner_name, p.profile_picture, p.actor_type,
       o.name as organization_name, t.name as team_name
from unnest($1::uuid[]) with ordinality as requested (id, position)
join asset a on a.id = requested.id
join person p on p.id = a.owner_id
left join organization o on o.id = a.organization_id
left join team t on t.id = a.team_id
where asset_role(a, $2, $3) >= 0
order by requested.position;

-- name: list_children
-- The children of an asset, without comments.
select a.id
from asset a
where a.parent_id = $1 and a.asset_type <> 'comment' and asset_role(a, $2, $3) >= 0
order by a.created_on, a.id
limit $4;

-- name: find_placement
-- The team for a new asset of the person $2 in the organization $1: the team $3, or the default team if $3 is null.
-- $4 is the only organization that the person's API key opens, or null.
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
                   source_id, family_id, body, license_text)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13::jsonb, $14::jsonb, $15::jsonb, $16, $17, $18,
        $19, $20, $21, $22, $23, $24, $25, $26, $27, $28);

-- name: find_fields
-- The columns that can be changed, in the order of the parameters of `update_asset`.
select organization_id, team_id, parent_id, visibility, source, name, slug, description, license_id, attribution,
       monetization, price_usd, price_sats, unit_cost_usd, unit_cost_sats, cost_accounting, cost_unit,
       max_billable_seconds, lineage_role, source_id, family_id, license_text
from asset where id = $1;

-- name: update_asset
update asset set organization_id = $2, team_id = $3, parent_id = $4, visibility = $5, source = $6, name = $7, slug = $8,
                 description = $9::jsonb, license_id = $10, attribution = $11::jsonb, monetization = $12,
                 price_usd = $13, price_sats = $14, unit_cost_usd = $15, unit_cost_sats = $16, cost_accounting = $17,
                 cost_unit = $18, max_billable_seconds = $19, lineage_role = $20, source_id = $21, family_id = $22,
                 license_text = $23, updated_on = now()
where id = $1;

-- name: set_asset_details
-- Sets what the asset's type provides; null leaves a column unchanged.
update asset set metadata = coalesce($2::jsonb, metadata), preview = coalesce($3::jsonb, preview),
                 body = coalesce($4, body), updated_on = now()
where id = $1;

-- name: list_descendants
-- An asset and its descendants. `is_deleted` is true if an asset is deleted with its parent: always for comments, for
-- others if $4 requests it and the viewer administers them.
with recursive descendant as (
    select a.id, a.asset_type, a.name, a.owner_id, a.organization_id, a.team_id, a.visibility, a.created_on,
           true as is_deleted, 0 as depth
    from asset a where a.id = $1
    union all
    select a.id, a.asset_type, a.name, a.owner_id, a.organization_id, a.team_id, a.visibility, a.created_on,
           a.asset_type = 'comment' or ($4::boolean and asset_role(a, $2, $3) = 3), d.depth + 1
    from descendant d join asset a on a.parent_id = d.id
    where d.is_deleted
)
select * from descendant order by depth, created_on, id;

-- name: detach_children
-- Children that outlive their parent. Those that inherited its visibility become private.
update asset set parent_id = null, visibility = case visibility when 'inherit' then 'private' else visibility end
where id = any ($1::uuid[]);

-- name: lock_sold_asset
-- Locks the asset for sale that this asset is part of, so that nobody buys it until the transaction ends. A change of
-- the whole locks its parts in the opposite order; if the two deadlock, one of them fails and can be retried.
select s.id from asset a join asset s on s.id = a.access_id
where a.id = $1 and a.audience = 'monetized' and a.asset_type <> 'comment'
for no key update of s;

-- name: count_buyers
-- The number of people who bought any of the assets $1 or an asset that one of them is part of, through inherited
-- visibility. Comments and their descendants are never part of what is sold. `sold_id` is the bought asset that
-- includes $2: $2 itself, the asset it is part of, or null.
with recursive above as (
    select a.id as part_id, a.id, a.parent_id, a.access_id, a.asset_type from asset a where a.id = any ($1::uuid[])
    union all
    select b.part_id, p.id, p.parent_id, p.access_id, p.asset_type
    from above b join asset p on p.id = b.parent_id
    where b.id <> b.access_id and b.asset_type <> 'comment'
), sold as (
    select s.part_id, s.id, s.asset_type from above s
    where s.id = s.access_id and s.asset_type <> 'comment'
      and exists (select from permission g where g.asset_id = s.id and g.bought)
)
select count(distinct g.person_id) as buyers,
       (select s.id from sold s where s.part_id = $2) as sold_id,
       (select s.asset_type from sold s where s.part_id = $2) as sold_type
from permission g
where g.bought and g.asset_id in (select s.id from sold s);

-- name: delete_assets
delete from asset where id = any ($1::uuid[]);

-- name: grant_role
-- Keeps `bought` as it is.
insert into permission (id, asset_id, person_id, role, granter_id) values ($1, $2, $3, $4, $5)
on conflict (asset_id, person_id) do update
    set role = excluded.role, granter_id = excluded.granter_id, updated_on = now();

-- name: revoke_role
-- A buyer's row stays, with `bought` alone.
with remaining as (
    update permission set role = null, granter_id = null, updated_on = now()
    where asset_id = $1 and person_id = $2 and bought
)
delete from permission where asset_id = $1 and person_id = $2 and not bought;

-- name: list_permissions
-- The owner first, then by the time of the grant. $4: all permissions; otherwise only the owner's and that of person
-- $5. A person who bought the asset without having a role may read it.
select g.id, g.asset_id, a.asset_type, coalesce(g.role, 'read') as role, g.bought, g.granter_id, g.created_on,
       g.updated_on, a.organization_id, a.visibility, g.person_id, p.username, full_name(p.firstname, p.lastname) as name,
       p.profile_picture, p.actor_type
from permission g
join asset a on a.id = g.asset_id
join person p on p.id = g.person_id
where g.asset_id = $1 and ($4::boolean or g.person_id in (a.owner_id, $5))
order by g.person_id <> a.owner_id, g.created_on, g.id
offset $2 limit $3;

-- name: connect
-- Skips targets that another transaction has just deleted.
with existing as (select id from asset where id = any ($4::uuid[]) order by id for key share)
insert into connection (id, type, source_id, target_id, creator_id)
select i, $2, $3, t, $5 from unnest($1::uuid[], $4::uuid[]) as target (i, t) join existing on existing.id = t
on conflict (source_id, target_id, type) do nothing;

-- name: disconnect
-- Deletes the connections of a type from an asset, except those to the assets $3.
delete from connection where source_id = $1 and type = $2 and target_id <> all ($3::uuid[]);

-- Searches. $1 and $2 are the viewer, $3 to $17 the parameters of `asset_search`.

-- name: search_relevant
-- The newest $18 matches, best match first: ranking all matches of a very common word would take too long. An asset for
-- sale is ranked by its listing alone, so that its position reveals nothing of its content.
select newest.id
from (select a.id, a.created_on, ts_rank(
          case a.audience when 'monetized' then ts_filter(a.words, '{a,b}') else a.words end, asset_query($5, $6)) as rank
      from asset_search($1, $2, $3, $4, asset_query($5, $6), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) a
      order by a.created_on desc, a.id desc
      limit $18) newest
order by newest.rank desc, newest.created_on desc, newest.id desc
offset $19 limit $20;

-- name: search_recent
select a.id
from asset_search($1, $2, $3, $4, asset_query($5, $6), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) a
order by a.created_on desc, a.id desc
offset $18 limit $19;

-- name: search_updated
select a.id
from asset_search($1, $2, $3, $4, asset_query($5, $6), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) a
order by a.updated_on desc, a.id desc
offset $18 limit $19;

-- name: search_popular
-- Matches that were viewed or downloaded since $18, the most popular first.
select a.id
from asset_popularity($18) p
join asset_search($1, $2, $3, $4, asset_query($5, $6), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) a on a.id = p.asset_id
order by p.popularity desc, p.asset_id desc
offset $19 limit $20;

-- name: count_popular
select count(*)
from asset_popularity($18) p
join asset_search($1, $2, $3, $4, asset_query($5, $6), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) a on a.id = p.asset_id;

-- name: search_unpopular
-- Matches that were neither viewed nor downloaded since $18, newest first.
select a.id
from asset_search($1, $2, $3, $4, asset_query($5, $6), $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) a
where a.id not in (select p.asset_id from asset_popularity($18) p)
order by a.created_on desc, a.id desc
offset $19 limit $20;

-- Views and downloads.

-- name: record_event
-- Also adds to the asset's count of the day. 0017_discovery.sql defines which views are quality views.
with recorded as (
    insert into asset_event (asset_id, person_id, kind, counts)
    select a.id, p.id, $3, a.owner_id <> p.id and p.actor_type <> 'agent' and not exists (
        select from asset_event e
        where e.asset_id = a.id and e.person_id = p.id and e.kind = $3 and e.created_on > now() - interval '30 minutes'
    )
    from asset a, person p
    where a.id = $1 and p.id = $2
    returning asset_id, kind, counts
)
insert into asset_day as d (asset_id, day, views, quality_views, downloads)
select asset_id, (now() at time zone 'utc')::date, (kind = 'view')::int, (kind = 'view' and counts)::int,
       (kind = 'download')::int
from recorded
on conflict (asset_id, day) do update
    set views = d.views + excluded.views, quality_views = d.quality_views + excluded.quality_views,
        downloads = d.downloads + excluded.downloads;

-- name: delete_old_events
-- Keeps events that still mark an asset as seen for a member of its team.
delete from asset_event e
where e.created_on < now() - interval '1 day' and not exists (
    select from asset a join team_member i on i.team_id = a.team_id
    where a.id = e.asset_id and i.person_id = e.person_id and a.created_on > i.seen_on
      and a.owner_id <> i.person_id and a.asset_type <> 'comment'
);

-- name: list_impact
-- Counters of the assets $3 that the viewer may know of, since $4 or ever; views and downloads from the day of $4 on.
-- Comments include replies. Uses are other people's assets that refer to the asset or derive from it. Earnings, in
-- cents and satoshis, are zero unless the viewer administers the asset.
select a.id, a.asset_type, a.name, a.owner_id, e.views, e.quality_views, e.downloads, c.comments, c.external_comments,
       u.uses, m.usd, m.btc, coalesce((
           select sum(d.quality_views + 3 * d.downloads) from asset_day d
           where d.asset_id = a.id and d.day >= (now() at time zone 'utc')::date - 7
       ), 0)::float8 as popularity
from asset_known($1, $2) a
cross join lateral (
    select coalesce(sum(views), 0)::bigint as views, coalesce(sum(quality_views), 0)::bigint as quality_views,
           coalesce(sum(downloads), 0)::bigint as downloads
    from asset_day
    where asset_id = a.id and ($4::timestamptz is null or day >= ($4 at time zone 'utc')::date)
) e
cross join lateral (
    select count(*) as comments, count(*) filter (where s.owner_id <> a.owner_id) as external_comments
    from asset s
    where s.asset_type = 'comment' and s.created_on >= coalesce($4, '-infinity'::timestamptz)
      and (s.parent_id = a.id or s.parent_id in (select r.id from asset r
                                                 where r.parent_id = a.id and r.asset_type = 'comment'))
) c
cross join lateral (
    select count(distinct used.id) as uses
    from (select n.source_id as id, n.created_on from connection n
          where n.target_id = a.id and n.type <> 'comment'
          union all
          select m.id, m.created_on from asset m where m.source_id = a.id) used
    join asset o on o.id = used.id and o.owner_id <> a.owner_id
    where used.created_on >= coalesce($4, '-infinity'::timestamptz)
) u
cross join lateral (
    select coalesce(sum(l.earned_minor) filter (where l.currency = 'usd'), 0)::bigint as usd,
           coalesce(sum(l.earned_minor) filter (where l.currency = 'btc'), 0)::bigint as btc
    from licence l
    where l.asset_id = a.id and l.created_on >= coalesce($4, '-infinity'::timestamptz)
      and asset_role(a.id, a.access_id, a.audience, a.organization_id, $1, $2) = 3
) m
where a.id = any ($3::uuid[]);

-- name: list_owned
-- Assets of the person $3 that the viewer may know of: those in $4, or the newest $5 if $4 is null.
select a.id
from asset_known($1, $2) a
where a.owner_id = $3 and ($4::uuid[] is null or a.id = any ($4))
order by a.created_on desc, a.id desc
limit $5;

-- Connections and lineage.

-- name: list_connections
-- References from an asset are part of its content, so the viewer must be able to read the source.
select c.id, c.type, c.source_id, c.target_id, c.creator_id, c.created_on
from connection c
join asset_known($2, $3) o on o.id = case c.source_id when $1 then c.target_id else c.source_id end
join asset s on s.id = c.source_id
where (s.audience = 'public' or asset_role(s.id, s.access_id, s.audience, s.organization_id, $2, $3) > 0)
  and ($5::text is distinct from 'target' and c.source_id = $1 or $5 is distinct from 'source' and c.target_id = $1)
  and ($4::text[] is null or c.type = any ($4))
order by c.created_on desc, c.id desc
offset $6 limit $7;

-- name: list_refs
select a.id, a.asset_type, a.name, a.owner_id, a.organization_id, a.team_id, a.visibility, a.created_on
from asset a
where a.id = any ($1::uuid[]);

-- name: list_sources
-- The sources of an asset, nearest first, up to the first of its family.
with recursive source as (
    select a.source_id as id, 1 as distance from asset a where a.id = $1
    union all
    select a.source_id, s.distance + 1 from source s join asset a on a.id = s.id where s.distance < 100
)
select id from source where id is not null order by distance;

-- name: list_derived
-- For the first asset of a family, the whole family; otherwise the assets derived directly. Oldest first.
select a.id
from asset_known($2, $3) a
where a.id <> $1 and (a.source_id = $1 or a.family_id = $1)
order by a.created_on, a.id
limit $4;

-- Tags.

-- name: list_tags
select t.id, t.asset_id, t.tag_id, t.person_id, t.created_on, w.name, w.slug
from asset_tag t join tag w on w.id = t.tag_id
where t.asset_id = $1
order by w.slug;

-- name: create_tags
-- An existing tag keeps the name it was created with.
insert into tag (id, name, slug)
select * from unnest($1::uuid[], $2::text[], $3::text[])
on conflict (slug) do nothing;

-- name: tag_asset
insert into asset_tag (id, asset_id, tag_id, person_id)
select requested.id, $2, w.id, $4
from unnest($1::uuid[], $3::text[]) as requested (id, slug) join tag w on w.slug = requested.slug
on conflict (asset_id, tag_id) do nothing;

-- name: untag_asset
delete from asset_tag t using tag w
where t.asset_id = $1 and t.tag_id = $2 and w.id = t.tag_id
returning w.slug;

-- Team activity.

-- name: list_activity
select a.id, a.created_on
from asset_known($1, $2) a
where a.team_id = $3 and case when $4::text is null then a.asset_type <> 'comment' else a.asset_type = $4 end
order by a.created_on desc, a.id desc
offset $5 limit $6;

-- name: count_unread
-- The number of unread assets in each of the viewer's teams. $3 limits it to one organization, $4 to the organization
-- that the viewer acts in, $5 to one team; null does not limit.
select i.team_id, (
    select count(*)
    from asset_known($1, $2) a
    where a.team_id = i.team_id and a.created_on > i.seen_on and a.owner_id <> i.person_id and a.asset_type <> 'comment'
      and not exists (select from asset_event e where e.person_id = i.person_id and e.asset_id = a.id)
) as unread
from team_member i
where i.person_id = $1 and ($3::uuid is null or i.organization_id = $3)
  and i.organization_id = coalesce($4, i.organization_id) and ($5::uuid is null or i.team_id = $5)
order by i.team_id;

-- name: list_unread
-- The unread assets of a team, newest first.
select a.id, a.asset_type, a.name, a.owner_id, a.organization_id, a.team_id, a.visibility, a.created_on
from team_member i
join asset_known($1, $2) a on a.team_id = i.team_id
where i.team_id = $3 and i.person_id = $1
  and a.created_on > i.seen_on and a.owner_id <> i.person_id and a.asset_type <> 'comment'
  and not exists (select from asset_event e where e.person_id = i.person_id and e.asset_id = a.id)
order by a.created_on desc, a.id desc
offset $4 limit $5;

-- name: count_owned
-- Storage is in bytes, from the metadata that the assets' types provide.
select count(*) as assets, count(*) filter (where asset_type = 'dataset') as datasets,
       coalesce(sum(case when jsonb_typeof(size) = 'number' then size::bigint end), 0)::bigint as storage
from (select asset_type, coalesce(metadata -> 'size', metadata -> 'table_size') as size
      from asset where owner_id = $1) owned;

-- name: explain_access
-- Everything that `asset_role` considers for the person $2 and the only organization that their key opens, $3 or null.
select asset_role(a, $2, $3) as role, a.owner_id, a.visibility, a.audience, s.price_usd, s.price_sats, s.monetization,
       o.name as organization_name, $3::uuid is null or a.organization_id is not distinct from $3 as is_reached,
       exists (select from membership m where m.organization_id = a.organization_id and m.person_id = $2) as belongs,
       (select g.role from permission g where g.asset_id = a.id and g.person_id = $2) as granted,
       (select g.role from permission g
        where g.asset_id = a.access_id and a.access_id <> a.id and g.person_id = $2) as inherited,
       exists (select from permission g where g.asset_id = a.id and g.person_id = $2 and g.bought) as bought,
       exists (select from permission g
               where g.asset_id = a.access_id and a.access_id <> a.id and g.person_id = $2 and g.bought) as bought_above
from asset a join asset s on s.id = a.access_id left join organization o on o.id = a.organization_id
where a.id = $1;

-- name: grant_purchased_access
-- In a fixed order, so that two transactions cannot deadlock.
insert into permission (id, asset_id, person_id, granter_id, bought)
select id, asset_id, person_id, granter_id, true
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) as paid (id, asset_id, person_id, granter_id)
order by asset_id, person_id
on conflict (asset_id, person_id) do update set bought = true, updated_on = now();

-- name: revoke_purchased_access
-- Returns whether the row grants nothing any more and must be deleted. It cannot be deleted while `bought` is true, and
-- a row must have a role or be bought, so the row gets a role first.
with ending as (
    select id, role is null as is_empty from permission where asset_id = $1 and person_id = $2 and bought for update
)
update permission g set bought = false, role = coalesce(g.role, 'read'), updated_on = now()
from ending where g.id = ending.id
returning ending.is_empty;
