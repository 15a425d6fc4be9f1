-- Assets: what people own and share. Files, datasets, posts and comments keep what is their own in tables of their own.

create table asset (
    id uuid primary key,
    asset_type text not null check (asset_type in ('dataset', 'file', 'post', 'comment')),
    owner_id uuid not null references person,
    organization_id uuid references organization, -- null: the owner's personal context
    team_id uuid,
    parent_id uuid references asset,
    visibility text not null check (visibility in ('public', 'private', 'organization', 'monetized', 'inherit')),
    -- Whose visibility and grants count beside its own: its own, or its parent's where it inherits. Kept by a trigger.
    access_id uuid not null,
    audience text not null check (audience in ('public', 'private', 'organization', 'monetized')),
    state text not null default 'success' check (state in ('queued', 'in-progress', 'success', 'error')),
    source text not null default 'api' check (source in ('web', 'api')),
    name text,
    slug text,
    description jsonb, -- markdown as a string, or {"text", "json"}
    license_id text,
    license_text text check (length(license_text) <= 20000), -- what buyers agree to
    attribution jsonb not null default '{"originality": "original"}',
    metadata jsonb not null default '{}',
    preview jsonb,
    monetization text not null default 'none' check (monetization in ('none', 'pay-to-unlock', 'pay-per-use')),
    price_usd numeric(14, 2) check (price_usd > 0),
    price_sats bigint check (price_sats > 0),
    unit_cost_usd numeric(14, 6) check (unit_cost_usd > 0),
    unit_cost_sats bigint check (unit_cost_sats > 0),
    cost_accounting text,
    cost_unit text,
    max_billable_seconds integer check (max_billable_seconds > 0),
    lineage_role text check (lineage_role in ('new', 'version', 'result', 'supporting')),
    source_id uuid references asset on delete set null,
    family_id uuid,
    body text not null default '', -- what it is found by beside name and description
    words tsvector not null generated always as (
        setweight(to_tsvector('simple', left(coalesce(name, ''), 2000)), 'A')
        || setweight(to_tsvector('simple', left(coalesce(description ->> 'text', description #>> '{}', ''), 100000)), 'B')
        || setweight(to_tsvector('simple', left(body, 200000)), 'C')
    ) stored,
    created_on timestamptz not null default now(),
    updated_on timestamptz not null default now(),
    check (organization_id is not null or (team_id is null and visibility <> 'organization')),
    check (visibility <> 'inherit' or parent_id is not null),
    foreign key (team_id, organization_id) references team (id, organization_id)
);

create index asset_newest on asset (created_on desc, id desc);
create index asset_owner on asset (owner_id, created_on desc, id desc);
create index asset_organization on asset (organization_id, created_on desc, id desc);
create index asset_team on asset (team_id, created_on desc, id desc) where team_id is not null;
create index asset_parent on asset (parent_id, created_on, id) where parent_id is not null;
create index asset_source on asset (source_id) where source_id is not null;
create index asset_access on asset (access_id) where access_id <> id;
create index asset_words on asset using gin (words);

-- Who may do what, beside what an asset's visibility allows. The owner's row says admin, and stays.
create table permission (
    id uuid primary key,
    asset_id uuid not null references asset on delete cascade,
    person_id uuid not null references person,
    role text check (role in ('read', 'write', 'admin')), -- null: nobody granted one, it was bought
    bought boolean not null default false, -- may be read, for it was paid for; only a refund takes that away
    granter_id uuid references person,
    created_on timestamptz not null default now(),
    updated_on timestamptz not null default now(),
    constraint permission_once unique (asset_id, person_id),
    check (role is not null or bought)
);

create function permission_stays() returns trigger language plpgsql as $$
begin
    raise exception 'it was bought: give the money back first'
        using errcode = 'restrict_violation', constraint = 'permission_stays';
end $$;

create trigger permission_stays before delete on permission for each row when (old.bought)
    execute function permission_stays();

create index permission_person on permission (person_id, asset_id);

-- What one asset has to do with another: it mentions it, comments on it, was made of it.
create table connection (
    id uuid primary key,
    type text not null,
    source_id uuid not null references asset on delete cascade,
    target_id uuid not null references asset on delete cascade,
    creator_id uuid references person,
    created_on timestamptz not null default now(),
    constraint connection_once unique (source_id, target_id, type)
);

create index connection_target on connection (target_id, created_on);

-- The one rule of access, wherever it is asked: what a person may do to an asset.
-- -1: not know of it; 0: see that it is there, and at what price; 1 read; 2 write; 3 admin.
-- `reaches` is the one organization that the request's key opens, or null for a key that opens all. Such a key has no
-- use of what its person was granted elsewhere; what is public is everybody's.
create function asset_role(a asset, person uuid, reaches uuid) returns integer language sql stable as $$
    select greatest(
        case a.audience
            when 'public' then 1
            when 'monetized' then 0
            when 'organization' then case when (reaches is null or a.organization_id = reaches) and exists (
                select from membership m where m.organization_id = a.organization_id and m.person_id = person
            ) then 1 else -1 end
            else -1
        end,
        case when reaches is null or a.organization_id = reaches then coalesce((
            select max(case g.role when 'admin' then 3 when 'write' then 2 else 1 end)
            from permission g where g.asset_id in (a.id, a.access_id) and g.person_id = person
        ), -1) else -1 end
    )
$$;

-- What inherits goes with its parent: its audience, its organization and its team.
create function asset_inherit() returns trigger language plpgsql as $$
begin
    if new.visibility = 'inherit' then
        select p.access_id, p.audience, p.organization_id, p.team_id
        into new.access_id, new.audience, new.organization_id, new.team_id
        from asset p where p.id = new.parent_id;
    else
        new.access_id := new.id;
        new.audience := new.visibility;
    end if;
    return new;
end $$;

create function asset_bequeath() returns trigger language plpgsql as $$
begin
    update asset set access_id = new.access_id, audience = new.audience, organization_id = new.organization_id,
                     team_id = new.team_id
    where parent_id = new.id and visibility = 'inherit';
    return null;
end $$;

create trigger asset_inherits before insert or update on asset
    for each row execute function asset_inherit();
create trigger asset_bequeaths after update on asset
    for each row
    when ((old.access_id, old.audience, old.organization_id, old.team_id)
          is distinct from (new.access_id, new.audience, new.organization_id, new.team_id))
    execute function asset_bequeath();

-- What leaves a team, all of it or one owner's, goes to its organization's default team. If nothing in that is for
-- everybody, what was public is the organization's, and what was for sale is for those who bought it: nobody else may
-- read it than before.
create function asset_leave(team uuid, owner uuid) returns void language sql as $$
    update asset a set team_id = d.id, visibility = case
        when d.visibility = 'public' then a.visibility
        when a.visibility = 'public' then 'organization'
        when a.visibility = 'monetized' then 'private'
        else a.visibility
    end
    from team t join team d on d.organization_id = t.organization_id and d.is_default
    where t.id = team and a.team_id = t.id and a.visibility <> 'inherit' and (owner is null or a.owner_id = owner)
$$;

create function asset_leave_team() returns trigger language plpgsql as $$
begin
    perform asset_leave(old.id, null);
    return old;
end $$;

create trigger team_leaves_assets before delete on team for each row execute function asset_leave_team();

-- So it is where a team turns internal.
create function asset_turn_inward() returns trigger language plpgsql as $$
begin
    update asset set visibility = case visibility when 'public' then 'organization' else 'private' end
    where team_id = new.id and visibility in ('public', 'monetized');
    return null;
end $$;

create trigger team_turns_inward after update of visibility on team for each row
    when (old.visibility = 'public' and new.visibility <> 'public') execute function asset_turn_inward();

-- Whoever could do everything still can.
update api_key set scopes = scopes || array['assets:read', 'assets:write']
where scopes @> array['media:read', 'media:anchor', 'users:read', 'users:write', 'organizations:read',
                      'organizations:write', 'teams:read', 'teams:write', 'notifications:read',
                      'notifications:write', 'keys:read', 'keys:write', 'audit:read'];
