-- Datasets: assets whose content is a table. The rows lie in the object store, in files that never change; here stands
-- which files make up which version.

create table dataset (
    asset_id uuid primary key references asset on delete cascade,
    version integer not null default 0, -- the newest finished one: what is read
    -- The columns and files as the newest acknowledged write left them: the newest version's, or further where writes
    -- are pending, or the same rows in fewer files.
    head jsonb not null,
    key text, -- the column that upserts and updates go by; its values are unique and not null
    pending_since timestamptz, -- when the oldest write came that no version has yet
    pending_author_id uuid references person, -- who made the newest of them
    changed_on timestamptz not null default now(),
    swept_on timestamptz not null default now(),
    -- Who may write at this moment, and until when unless they renew it: long work holds no transaction open.
    writer_id uuid,
    writes_until timestamptz,
    check ((writer_id is null) = (writes_until is null)),
    check ((pending_since is null) = (pending_author_id is null))
);

create index dataset_pending on dataset (pending_since) where pending_since is not null;
create index dataset_swept on dataset (swept_on);

create table dataset_version (
    id uuid primary key,
    dataset_id uuid not null references dataset on delete cascade,
    number integer not null check (number > 0),
    author_id uuid not null references person,
    organization_id uuid, -- the dataset's, and its name, when the version was made: what its claims say
    name text,
    created_on timestamptz not null,
    row_count bigint not null check (row_count >= 0),
    size bigint not null check (size >= 0), -- of its files, bytes
    delta_version bigint not null,
    key text,
    manifest text not null, -- canonical JSON: columns, files and their SHA3-512
    sha3_512 bytea not null check (octet_length(sha3_512) = 64), -- of the manifest
    salt bytea not null check (octet_length(salt) = 32),
    status smallint not null default 2 check (status in (2, 3, 4)), -- as of media: accepted, anchored, failed
    leaf_index bigint,
    leaf_hash bytea check (octet_length(leaf_hash) = 32),
    checkpoint_number bigint references log_checkpoint,
    constraint dataset_version_number unique (dataset_id, number),
    check ((status = 3) = (leaf_index is not null and leaf_hash is not null and checkpoint_number is not null))
);

create table dataset_index (
    dataset_id uuid not null references dataset on delete cascade,
    name text not null,
    columns text[] not null check (cardinality(columns) between 1 and 4),
    is_unique boolean not null,
    created_on timestamptz not null default now(),
    primary key (dataset_id, name)
);

create table dataset_view (
    id uuid primary key,
    dataset_id uuid not null references dataset on delete cascade,
    name text not null,
    description text,
    sql_query text,
    config jsonb not null default '{}',
    creator_id uuid not null references person,
    created_on timestamptz not null default now(),
    updated_on timestamptz not null default now()
);

create index dataset_view_newest on dataset_view (dataset_id, created_on, id);
