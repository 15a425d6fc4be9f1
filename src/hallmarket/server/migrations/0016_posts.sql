-- What posts and comments say: markdown as it was written, and its document.

create table content (
    asset_id uuid primary key references asset on delete cascade,
    text text not null,
    sha3_512 bytea not null check (octet_length(sha3_512) = 64), -- of the text
    json jsonb not null
);
