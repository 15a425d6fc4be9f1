-- Bytes that were given to us. `name` is the object's in the store, made of the id. A row comes before its object and is
-- kept by whatever the bytes belong to; one that stays unkept is cleared away with its object.

create table blob (
    id uuid primary key,
    organization_id uuid not null references organization,
    content_type text,
    created_on timestamptz not null default now(),
    size bigint check (size >= 0),
    sha3_512 bytea check (octet_length(sha3_512) = 64),
    kept boolean not null default false,
    check (not kept or (size is not null and sha3_512 is not null))
);

create index blob_unkept on blob (created_on) where not kept;

alter table media
    add column blob_id uuid references blob,
    add check (blob_id is null or has_bytes);
