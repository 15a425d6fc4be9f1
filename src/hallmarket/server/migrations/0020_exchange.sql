-- Licences: who bought what, when, at which price, under which terms. One is made by a purchase and ends by a refund
-- of the whole; it is in the log as a commitment to what stands here.
create table licence (
    id uuid primary key,
    buyer_id uuid not null references person,
    seller_id uuid not null references person,
    organization_id uuid references organization, -- the asset's at that time
    asset_id uuid not null, -- may be gone once the licence has ended
    asset_type text not null,
    asset_name text,
    -- What the asset was at that time: fingerprint and size in bytes of a file, or of a post's text; of a dataset its
    -- version, and that version's manifest's. Null for what has none of these.
    dataset_version integer check (dataset_version > 0),
    content_sha3_512 bytea check (octet_length(content_sha3_512) = 64),
    content_size bigint check (content_size >= 0),
    license_id text,
    license_text text,
    currency text not null check (currency in ('usd', 'btc')),
    price_minor bigint not null check (price_minor > 0),
    fee_minor bigint not null check (fee_minor between 0 and price_minor), -- of the price, the platform's
    transfer_id uuid not null unique references transfer,
    salt bytea not null check (octet_length(salt) = 32),
    created_on timestamptz not null,
    refunded_minor bigint not null default 0 check (refunded_minor between 0 and price_minor),
    earned_minor bigint not null check (earned_minor between 0 and price_minor - fee_minor), -- what the seller keeps
    ended_on timestamptz,
    status smallint not null default 2 check (status in (2, 3, 4)), -- as of media: accepted, anchored, failed
    leaf_index bigint,
    leaf_hash bytea check (octet_length(leaf_hash) = 32),
    checkpoint_number bigint references log_checkpoint,
    check (buyer_id <> seller_id),
    check ((content_sha3_512 is null) = (content_size is null)),
    check ((ended_on is null) = (refunded_minor < price_minor)),
    check ((status = 3) = (leaf_index is not null and leaf_hash is not null and checkpoint_number is not null))
) with (fillfactor = 70);

create unique index licence_once on licence (buyer_id, asset_id) where ended_on is null;
create index licence_buyer on licence (buyer_id, created_on desc, id desc);
-- With all that sums up what a seller, or an asset, earned: of a hundred thousand sales nobody reads the rows.
create index licence_seller on licence (seller_id, created_on desc, id desc)
    include (asset_id, currency, price_minor, refunded_minor, earned_minor);
create index licence_asset on licence (asset_id) include (currency, earned_minor, created_on);
