-- Organizations, people, and the API keys that authenticate them.

create table server_secret (
    name text primary key,
    value bytea not null
);

create table organization (
    id uuid primary key,
    name text not null check (name <> ''),
    website_url text,
    created_on timestamptz not null default now()
);

create table person (
    id uuid primary key,
    username text not null check (username ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'),
    firstname text,
    lastname text,
    email text,
    profile_picture text,
    created_on timestamptz not null default now(),
    constraint person_username unique (username)
);

create table membership (
    organization_id uuid not null references organization,
    person_id uuid not null references person,
    role text not null check (role in ('member', 'admin')),
    created_on timestamptz not null default now(),
    primary key (organization_id, person_id)
);

-- For pages of members, newest first, ties by id.
create index membership_newest on membership (organization_id, created_on desc, person_id desc);

create table api_key (
    id uuid primary key,
    person_id uuid not null references person,
    organization_id uuid references organization,
    name text not null,
    prefix text not null,
    -- HMAC-SHA-256 of the whole key under the server's secret. The key itself is shown once and not stored.
    key_hash bytea not null constraint api_key_hash unique check (octet_length(key_hash) = 32),
    scopes text[] not null,
    created_on timestamptz not null default now(),
    expires_on timestamptz,
    revoked_on timestamptz
);

-- Separate from the key, so that recording a use does not notify the servers that cache the key.
create table api_key_use (
    api_key_id uuid primary key references api_key on delete cascade,
    last_used_on timestamptz not null
);

-- Servers cache keys. Every change to the rights of a key notifies them to clear the cache.
create function identity_changed() returns trigger language plpgsql as $$
begin
    notify identity;
    return null;
end $$;

create trigger api_key_changed after update or delete on api_key
    for each statement execute function identity_changed();
create trigger membership_changed after update or delete on membership
    for each statement execute function identity_changed();
