-- The transparency log: what waits, what is entered, and what is published.

create table log_queue (
    position bigint generated always as identity primary key,
    kind text not null,
    subject_id uuid not null,
    entry bytea not null,
    queued_on timestamptz not null default now()
);

-- How other rooms' statements append entries, in the order of the arrays; the queue is written nowhere else.
create function log_append(kind text, subject_ids uuid[], entries bytea[]) returns void language sql as $$
    insert into log_queue (kind, subject_id, entry)
    select kind, subject_id, entry from unnest(subject_ids, entries) as waiting (subject_id, entry);
$$;

-- Every checkpoint ever signed. The newest is the log's head.
create table log_checkpoint (
    number bigint primary key check (number >= 0),
    size bigint not null check (size >= 0),
    root_hash bytea not null check (octet_length(root_hash) = 32),
    note text not null,
    signature_count smallint not null default 1,
    created_on timestamptz not null
);

-- One row; its lock and its `where size = …` are what two sequencers at once would run into.
create table log_head (
    only_row boolean primary key default true check (only_row),
    verifier_key text not null,
    number bigint not null references log_checkpoint,
    size bigint not null
);

-- A tile or bundle is kept as wide as it is by now; a narrower one is a prefix of it.
create table log_tile (
    level smallint not null check (level between 0 and 63),
    index bigint not null check (index >= 0),
    hashes bytea not null check (octet_length(hashes) % 32 = 0 and octet_length(hashes) between 32 and 8192),
    primary key (level, index)
) with (fillfactor = 50);

create table log_bundle (
    index bigint primary key check (index >= 0),
    width smallint not null check (width between 1 and 256),
    entries bytea not null
) with (fillfactor = 50);

-- Hashes do not compress, and a bundle is rewritten often before it is full.
alter table log_tile alter column hashes set storage external;
alter table log_bundle alter column entries set storage external;
