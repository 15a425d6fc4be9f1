-- Wallets: money moves by double entry. What moved stays: nothing here is changed or deleted, corrections are transfers
-- of their own. Amounts are whole cents (usd) and whole satoshis (btc).

create table account (
    id uuid primary key,
    -- The platform's: its fees, where money comes in from, where it is paid out to.
    kind text not null check (kind in ('person', 'fee', 'funding', 'payout')),
    person_id uuid references person,
    currency text not null check (currency in ('usd', 'btc')),
    -- What has been counted up: all postings but those of `pending_posting`. Kept by the trigger of `posting`.
    balance_minor bigint not null default 0,
    earned_minor bigint not null default 0, -- of these postings, the sum of those that `posting_earns`
    created_on timestamptz not null default now(),
    check ((kind = 'person') = (person_id is not null)),
    constraint account_not_negative check (kind <> 'person' or balance_minor >= 0),
    constraint account_once unique nulls not distinct (person_id, currency, kind),
    unique (id, currency)
) with (fillfactor = 80);

insert into account (id, kind, currency) values
    ('00000000-0000-7000-8000-000000000001', 'fee', 'usd'),
    ('00000000-0000-7000-8000-000000000002', 'fee', 'btc'),
    ('00000000-0000-7000-8000-000000000003', 'funding', 'usd'),
    ('00000000-0000-7000-8000-000000000004', 'funding', 'btc'),
    ('00000000-0000-7000-8000-000000000005', 'payout', 'usd'),
    ('00000000-0000-7000-8000-000000000006', 'payout', 'btc');

-- One movement of money, balanced by its postings.
create table transfer (
    id uuid primary key,
    kind text not null check (kind in ('credit', 'deposit', 'purchase', 'tip', 'send', 'refund', 'payout', 'correction')),
    actor_id uuid references person, -- who asked for it; null: an administrator's command, or a payment network
    asset_id uuid, -- what it is about; that may be gone since
    corrects_id uuid references transfer, -- what a refund gives back, what a correction takes back
    message text check (length(message) <= 1000),
    reference text, -- a payment network's word for it
    created_on timestamptz not null default now(),
    check ((kind in ('refund', 'correction')) = (corrects_id is not null))
);

create unique index transfer_reference_once on transfer (kind, reference) where reference is not null;
create index transfer_corrects on transfer (corrects_id) where corrects_id is not null;
create unique index transfer_corrected_once on transfer (corrects_id) where kind = 'correction';

create table posting (
    transfer_id uuid not null references transfer,
    line smallint not null check (line > 0),
    account_id uuid not null,
    currency text not null,
    amount_minor bigint not null check (amount_minor <> 0),
    -- The account's balance after this, where it keeps one at that moment: where money leaves a person.
    balance_after_minor bigint,
    -- By the clock, not by the transaction's beginning: what somebody spends stands after what they spend it of.
    created_on timestamptz not null default clock_timestamp(),
    primary key (transfer_id, line),
    foreign key (account_id, currency) references account (id, currency)
);

create index posting_account on posting (account_id, created_on desc, transfer_id desc, line desc);

-- What is not counted up yet: what people receive, and all that the platform's accounts see. So nobody who pays waits
-- for others who pay the same. An account holds its balance and the sum of these.
create table pending_posting (
    account_id uuid not null,
    transfer_id uuid not null,
    line smallint not null,
    amount_minor bigint not null,
    primary key (account_id, transfer_id, line)
);

-- An account's balance as it is.
create function account_balance(a account) returns bigint language sql stable as $$
    select a.balance_minor + coalesce((
        select sum(p.amount_minor) from pending_posting p where p.account_id = a.id
    ), 0)::bigint
$$;

-- Whether a posting counts towards what its owner earned: what comes in by sales, tips and sends, and what is given back
-- or paid out of that. `corrected` is the kind of transfer that a correction takes back.
create function posting_earns(kind text, corrected text, amount_minor bigint) returns boolean
language sql immutable as $$
    select case kind
        when 'purchase' then amount_minor > 0
        when 'tip' then amount_minor > 0
        when 'send' then amount_minor > 0
        when 'refund' then amount_minor < 0
        when 'payout' then true
        when 'correction' then corrected = 'payout' or (corrected in ('tip', 'send') and amount_minor < 0)
        else false
    end
$$;

-- What a transfer is to whom a posting belongs: a purchase is a sale to whom it brings something.
create function move_kind(kind text, amount_minor bigint) returns text language sql immutable as $$
    select case when kind = 'purchase' and amount_minor > 0 then 'sale' else kind end
$$;

-- Counts up what is pending. Whoever calls it holds the account's lock.
create function account_fold(which uuid) returns void language plpgsql as $$
begin
    with folded as (
        delete from pending_posting where account_id = which returning transfer_id, amount_minor
    ), counted as (
        select sum(f.amount_minor) as amount,
               sum(f.amount_minor) filter (where posting_earns(t.kind, c.kind, f.amount_minor)) as earned
        from folded f join transfer t on t.id = f.transfer_id left join transfer c on c.id = t.corrects_id
    )
    update account a set balance_minor = a.balance_minor + s.amount, earned_minor = a.earned_minor + coalesce(s.earned, 0)
    from counted s where a.id = which and s.amount is not null;
end $$;

-- Money leaves a person at once, so that there is never less than none; everything else is counted up later.
create function posting_counts() returns trigger language plpgsql as $$
declare
    leaves boolean := false;
    earned bigint;
begin
    if new.amount_minor < 0 then
        select a.kind = 'person', case when posting_earns(t.kind, c.kind, new.amount_minor) then new.amount_minor else 0 end
        into leaves, earned
        from account a, transfer t left join transfer c on c.id = t.corrects_id
        where a.id = new.account_id and t.id = new.transfer_id;
    end if;
    if leaves then
        perform account_fold(new.account_id);
        update account set balance_minor = balance_minor + new.amount_minor, earned_minor = earned_minor + earned
        where id = new.account_id
        returning balance_minor into new.balance_after_minor;
    else
        new.balance_after_minor := null;
        insert into pending_posting (account_id, transfer_id, line, amount_minor)
        values (new.account_id, new.transfer_id, new.line, new.amount_minor);
    end if;
    return new;
end $$;

create trigger posting_counts before insert on posting for each row execute function posting_counts();

-- Seen at the commit: a transfer has two postings or more, the first of them numbered 1, which sum to zero in each
-- currency.
create function transfer_balances() returns trigger language plpgsql as $$
declare
    about uuid;
    is_good boolean;
begin
    if tg_table_name = 'transfer' then about := new.id; else about := new.transfer_id; end if;
    select coalesce(bool_and(s.amount = 0) and sum(s.lines) > 1 and min(s.first_line) = 1, false) into is_good
    from (
        select sum(p.amount_minor) as amount, count(*) as lines, min(p.line) as first_line
        from posting p where p.transfer_id = about group by p.currency
    ) s;
    if not is_good then
        raise exception 'transfer % does not balance', about
            using errcode = 'check_violation', constraint = 'transfer_balances';
    end if;
    return null;
end $$;

create constraint trigger transfer_balances after insert on transfer
    deferrable initially deferred for each row execute function transfer_balances();
-- A line 1 comes with its transfer, and is seen with that.
create constraint trigger posting_balances after insert on posting
    deferrable initially deferred for each row when (new.line > 1) execute function transfer_balances();

create function ledger_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only: make a new transfer';
end $$;

create trigger transfer_kept before update or delete or truncate on transfer
    for each statement execute function ledger_is_append_only();
create trigger posting_kept before update or delete or truncate on posting
    for each statement execute function ledger_is_append_only();

-- Whoever could do everything still can.
update api_key set scopes = scopes || array['wallet:read', 'wallet:write']
where scopes @> array['media:read', 'media:anchor', 'users:read', 'users:write', 'organizations:read',
                      'organizations:write', 'teams:read', 'teams:write', 'assets:read', 'assets:write',
                      'notifications:read', 'notifications:write', 'keys:read', 'keys:write', 'audit:read'];
