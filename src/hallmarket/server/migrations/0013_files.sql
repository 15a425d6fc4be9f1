-- Files: bytes that are assets, and bytes that were sent to become one.

-- Somebody's personal context keeps bytes and anchors them, too: without an organization.
alter table blob
    alter column organization_id drop not null,
    add column released_on timestamptz; -- when what they belonged to went away
alter table media
    alter column organization_id drop not null;

-- A trigger of every table whose `blob_id` keeps bytes: they are cleared away once nothing keeps them.
create function blob_release() returns trigger language plpgsql as $$
begin
    update blob set kept = false, released_on = now() where id = old.blob_id;
    return null;
end $$;

-- What was sent, or may be sent, and is no file yet. Its id becomes the file's.
create table upload (
    id uuid primary key,
    person_id uuid not null references person,
    organization_id uuid references organization, -- that it was begun in; null: the person's own context
    bucket text not null check (bucket in ('public-files', 'files')),
    path text not null,
    file_name text not null,
    blob_id uuid unique references blob, -- null until the bytes are there
    type text,
    extension text,
    created_on timestamptz not null default now(),
    expires_on timestamptz not null,
    check ((blob_id is null) = (type is null) and (blob_id is null) = (extension is null))
);

create index upload_expiry on upload (expires_on);
create index upload_person on upload (person_id);

create table file (
    asset_id uuid primary key references asset on delete cascade,
    blob_id uuid not null unique references blob,
    path text not null, -- never changes
    file_name text not null,
    type text not null,
    extension text not null
);

create trigger upload_lets_go after delete on upload
    for each row when (old.blob_id is not null) execute function blob_release();
create trigger upload_lets_old_go after update of blob_id on upload
    for each row when (old.blob_id is distinct from new.blob_id and old.blob_id is not null)
    execute function blob_release();
create trigger file_lets_go after delete on file
    for each row execute function blob_release();
create trigger file_lets_old_go after update of blob_id on file
    for each row when (old.blob_id is distinct from new.blob_id) execute function blob_release();
