-- Card payments: each is a Checkout Session at Stripe, and one deposit once Stripe has said that it is paid.
create table payment (
    id uuid primary key,
    person_id uuid not null references person,
    currency text not null check (currency = 'usd'),
    amount_minor bigint not null check (amount_minor between 50 and 99999999),
    -- created: Stripe may not know of it yet; open: it may be paid; the rest is final, save that what was paid is paid.
    status text not null default 'created' check (status in ('created', 'open', 'paid', 'expired', 'failed')),
    -- How often Stripe has answered that it failed itself. It would answer so again under the same key for a day.
    attempt smallint not null default 0,
    session_id text unique,
    url text, -- of Stripe's page; told to the person once it stands here
    expires_on timestamptz, -- the page
    intent_id text unique, -- Stripe's word for the money, in refunds and disputes, too
    transfer_id uuid unique references transfer,
    created_on timestamptz not null default now(),
    settled_on timestamptz,
    check ((status = 'paid') = (transfer_id is not null)),
    check ((status in ('created', 'open')) = (settled_on is null)),
    check (status <> 'open' or (session_id is not null and url is not null and expires_on is not null)),
    check (status not in ('paid', 'expired') or session_id is not null)
);
