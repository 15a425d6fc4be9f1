-- Media: what was fingerprinted, by whom, and where it stands in the log.

create table media (
    id uuid primary key,
    organization_id uuid not null references organization,
    creator_id uuid not null references person,
    hash bytea not null check (octet_length(hash) = 64),
    size bigint not null check (size >= 0),
    name text,
    metadata text not null,
    -- Keys the commitment to the claims; without it the log says nothing about a person.
    salt bytea not null check (octet_length(salt) = 32),
    created_on timestamptz not null,
    -- 1 created, 2 accepted, 3 anchored, 4 failed
    status smallint not null check (status between 1 and 4),
    -- Its bytes were uploaded here, so its hash is known and cannot be another.
    has_bytes boolean not null default false,
    leaf_index bigint,
    leaf_hash bytea,
    checkpoint_number bigint references log_checkpoint,
    -- Accepted and anchored media own their hash. Anchoring changes no indexed value, so it stays a heap-only update.
    holds_hash boolean not null generated always as (status in (2, 3)) stored,
    check ((status = 3) = (leaf_index is not null and leaf_hash is not null and checkpoint_number is not null))
) with (fillfactor = 50);

create unique index media_hash on media (hash) where holds_hash;
create index media_newest on media (organization_id, created_on desc, id desc);

-- How many items an organization has, so that no listing has to count them. Each connection adds to a shard of its
-- own, mostly, so that batches do not wait for each other; the sum of the shards is exact.
create table media_count (
    organization_id uuid not null references organization,
    shard smallint not null,
    items bigint not null,
    primary key (organization_id, shard)
) with (fillfactor = 10);
