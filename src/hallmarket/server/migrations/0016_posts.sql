-- What posts and comments say: markdown as it was written, and its document.

create table content (
    asset_id uuid primary key references asset on delete cascade,
    text text not null,
    json jsonb not null
);
