-- How assets are found, what they are tagged with, and what happens to them: they are viewed and downloaded.

-- A file's name is one word to PostgreSQL; its parts are to be found as well.
alter table asset drop column words;
alter table asset add column words tsvector not null generated always as (
    setweight(to_tsvector('simple', left(coalesce(name, ''), 2000) || ' '
                                    || translate(left(coalesce(name, ''), 2000), '._/-', '    ')), 'A')
    || setweight(to_tsvector('simple', left(coalesce(description ->> 'text', description #>> '{}', ''), 100000)), 'B')
    || setweight(to_tsvector('simple', left(body, 200000)), 'C')
) stored;
create index asset_words on asset using gin (words);

-- `asset_role` took whole rows, with all the text in them, wherever it was kept; it is given what it looks at.
create function asset_role(
    asset uuid, access uuid, audience text, organization uuid, person uuid, reaches uuid
) returns integer language sql stable as $$
    select greatest(
        case audience
            when 'public' then 1
            when 'monetized' then 0
            when 'organization' then case when (reaches is null or organization = reaches) and exists (
                select from membership m where m.organization_id = organization and m.person_id = person
            ) then 1 else -1 end
            else -1
        end,
        coalesce((
            select max(case
                when reaches is null or organization = reaches
                    then case g.role when 'admin' then 3 when 'write' then 2 else 1 end
                when g.bought then 1 -- with any key: a key is bound to an organization's things, and these are one's own
            end)
            from permission g where g.asset_id in (asset, access) and g.person_id = person
        ), -1)
    )
$$;

create or replace function asset_role(a asset, person uuid, reaches uuid) returns integer language sql stable as $$
    select asset_role(a.id, a.access_id, a.audience, a.organization_id, person, reaches)
$$;

-- The rule of `asset_role` once more, for many assets at once: all that a person may know of, whom it answers 0 or more.
-- PostgreSQL unfolds it into the query around it, which a rule asked row by row it does not; a test holds the two to one
-- another.
create function asset_known(person uuid, reaches uuid) returns setof asset language sql stable as $$
    select a.*
    from asset a
    where a.audience in ('public', 'monetized')
       or (a.audience = 'organization' and a.organization_id = any (array(
              select m.organization_id from membership m
              where m.person_id = person and (reaches is null or m.organization_id = reaches))))
       or exists (select from permission g
                  where g.person_id = person and g.asset_id in (a.id, a.access_id)
                    and (reaches is null or a.organization_id = reaches or g.bought))
$$;

-- A tag is a word that assets have in common; its slug tells which are the same.
create table tag (
    id uuid primary key,
    name text not null check (length(name) between 1 and 100),
    slug text not null unique,
    created_on timestamptz not null default now()
);

create table asset_tag (
    id uuid primary key,
    asset_id uuid not null references asset on delete cascade,
    tag_id uuid not null references tag,
    person_id uuid references person,
    created_on timestamptz not null default now(),
    constraint asset_tag_once unique (asset_id, tag_id)
);

create index asset_tag_tag on asset_tag (tag_id, asset_id);

-- Words as people type them, as a query; of the last, if it is open, a beginning suffices.
create function asset_query(words text, is_open boolean) returns tsquery language sql immutable as $$
    select case when is_open
        then regexp_replace(websearch_to_tsquery('simple', words)::text, '''$', ''':*')::tsquery
        else websearch_to_tsquery('simple', words)
    end
$$;

-- What a search finds, in no order; null wants all. It unfolds into the query around it, and what is not asked for out
-- of that.
create function asset_search(
    person uuid, reaches uuid, scope text, sought uuid, wanted tsquery, types text[], in_organization uuid,
    in_team uuid, of_person uuid, visibilities text[], made text, tops boolean, tags text[], extensions text[],
    file_types text[], holds jsonb
) returns setof asset language sql stable as $$
    select a.*
    from asset_known(person, reaches) a
    where (scope <> 'personal' or a.owner_id = person)
      and (scope <> 'org' or a.organization_id = any (array(
              select m.organization_id from membership m
              where m.person_id = person and (reaches is null or m.organization_id = reaches))))
      and (scope <> 'shared' or (a.owner_id <> person and a.id = any (array(
              select g.asset_id from permission g where g.person_id = person and g.role is not null))))
      and (scope <> 'purchased' or a.id = any (array(
              select g.asset_id from permission g where g.person_id = person and g.bought)))
      and (scope <> 'global' or a.audience in ('public', 'monetized'))
      and (sought is null or a.id = sought)
      -- What is for sale is found by its listing; by its content only for those who may read that. Words that it must
      -- not have are in no index: then also what has the others is looked at, lest it told what is in the content.
      and (wanted is null or (
              (a.words @@ wanted or (wanted::text like '%!%' and a.audience = 'monetized'
                                     and (querytree(wanted) = 'T' or a.words @@ nullif(querytree(wanted), 'T')::tsquery)))
              and (a.audience <> 'monetized' or case
                  when asset_role(a.id, a.access_id, a.audience, a.organization_id, person, reaches) > 0
                      then a.words @@ wanted
                  else ts_filter(a.words, '{a,b}') @@ wanted end)))
      and (types is null or a.asset_type = any (types))
      and (types is not null or a.asset_type <> 'comment')
      -- The zero UUID is the personal context, and no team.
      and (in_organization is null or case when in_organization = '00000000-0000-0000-0000-000000000000'
              then a.organization_id is null else a.organization_id = in_organization end)
      and (in_team is null or case when in_team = '00000000-0000-0000-0000-000000000000'
              then a.team_id is null else a.team_id = in_team end)
      and (of_person is null or a.owner_id = of_person)
      and (visibilities is null or a.visibility = any (visibilities))
      and (made is null or a.source = made)
      and (not tops or coalesce(a.lineage_role, 'new') = 'new')
      and (tags is null or a.id = any (array(
              select t.asset_id from asset_tag t join tag w on w.id = t.tag_id where w.slug = any (tags))))
      and (extensions is null or lower(a.metadata ->> 'extension') = any (extensions))
      and (file_types is null or case
              when coalesce(a.metadata ->> 'mimeType', a.metadata ->> 'type') = 'application/pdf' then 'pdf'
              else split_part(coalesce(a.metadata ->> 'mimeType', a.metadata ->> 'type'), '/', 1)
              end = any (file_types))
      and (holds is null or a.metadata @> holds)
$$;

create index asset_family on asset (family_id) where family_id is not null;
create index asset_updated on asset (updated_on desc, id desc);
create index asset_newest_type on asset (asset_type, created_on desc, id desc);

-- Who viewed or downloaded an asset, and when. `counts` tells a view that is more than a glance repeated: the person is
-- not the owner, is no agent, and did not view it within the half hour before. Forgotten after a day, unless it is
-- what keeps the asset from being new to somebody in its team.
create table asset_event (
    asset_id uuid not null references asset on delete cascade,
    person_id uuid not null references person,
    kind text not null check (kind in ('view', 'download')),
    counts boolean not null,
    created_on timestamptz not null default now()
);

create index asset_event_asset on asset_event (asset_id);
create index asset_event_created on asset_event (created_on);
create index asset_event_person on asset_event (person_id, asset_id, created_on);

-- The same, counted by days (UTC), for ever.
create table asset_day (
    asset_id uuid not null references asset on delete cascade,
    day date not null,
    views integer not null,
    quality_views integer not null,
    downloads integer not null,
    primary key (asset_id, day)
);

create index asset_day_day on asset_day (day);

-- How much an asset was sought from a day on, the most sought first: a download is worth three views. In this order, so
-- that whoever wants the first few looks at these only.
create function asset_popularity(since date) returns table (asset_id uuid, popularity bigint) language sql stable as $$
    select d.asset_id, sum(d.quality_views + 3 * d.downloads)
    from asset_day d
    where d.day >= since
    group by d.asset_id
    having sum(d.quality_views + 3 * d.downloads) > 0
    order by 2 desc, 1 desc
$$;

-- Whoever is banned from a team may lose what they put there: it goes to their organization's default team.
create function asset_remove_contributions(team uuid, person uuid) returns void language sql as $$
    select asset_leave(team, person)
$$;
