-- Organizations in the exchange dialect. `slug` is the name in URLs; `name` is the display name.

alter table organization
    add column slug text,
    add column mission text,
    add column avatar_path text,
    add column join_policy text not null default 'invite_only' check (join_policy in ('invite_only', 'request', 'open')),
    add column visibility text not null default 'organization' check (visibility in ('public', 'organization')),
    add column source_policy text not null default 'any' check (source_policy in ('any', 'web_only', 'api_only')),
    add column actor_type_policy text not null default 'any'
        check (actor_type_policy in ('any', 'verified_only', 'agents_only')),
    add column updated_on timestamptz not null default now();

-- The words of a name in lower case, joined by hyphens. It is 'org' for a name without letters and digits, and for
-- "all", which is the exchange dialect's name of the personal context.
create function slug_of(name text) returns text language sql immutable as $$
    select case when slug in ('', 'all') then 'org' else slug end
    from (select trim(both '-' from left(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), 60))) as made (slug);
$$;

-- The first organization with a name gets the plain slug. Later ones get the end of their id as a suffix.
update organization o set slug = slug_of(o.name) || case when exists (
    select from organization earlier where slug_of(earlier.name) = slug_of(o.name) and earlier.id < o.id
) then '-' || right(o.id::text, 12) else '' end;

alter table organization
    alter column slug set not null,
    add constraint organization_slug unique (slug),
    add check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and slug <> 'all');

-- For the organizations of a person, which are read with every API key that is not cached.
create index membership_person on membership (person_id);

create index organization_name on organization using hash (name);

-- Pending requests to join an organization. A decided request is deleted; the audit trail records the decision.
create table organization_join_request (
    id uuid primary key,
    organization_id uuid not null references organization,
    person_id uuid not null references person,
    created_on timestamptz not null default now(),
    constraint organization_join_request_once unique (organization_id, person_id)
);

create index organization_join_request_oldest on organization_join_request (organization_id, created_on, id);

-- Servers cache the organizations of a key's person. Notifying them lets a new member act in the organization
-- immediately.
drop trigger membership_changed on membership;
create trigger membership_changed after insert or update or delete on membership
    for each statement execute function identity_changed();
