-- Thumbnails of the bytes that were given to us, each with its own object in the store.

create table preview (
    id uuid primary key, -- in the address of the thumbnail: random, so that nobody finds it who was not told
    blob_id uuid not null unique references blob on delete cascade,
    state text not null default 'waiting' check (state in ('waiting', 'made', 'none')),
    reason text, -- why there is none
    thumbnail_id uuid unique references blob,
    width integer check (width > 0),
    height integer check (height > 0),
    created_on timestamptz not null default now(),
    settled_on timestamptz,
    check ((state = 'waiting') = (settled_on is null)),
    check ((state = 'none') = (reason is not null)),
    check ((state = 'made') = (thumbnail_id is not null and width is not null and height is not null))
);

-- The thumbnail goes when that which it shows does: its object is cleared away.
create function preview_release() returns trigger language plpgsql as $$
begin
    update blob set kept = false, released_on = now() where id = old.thumbnail_id;
    return null;
end $$;

create trigger preview_lets_go after delete on preview
    for each row when (old.thumbnail_id is not null) execute function preview_release();
