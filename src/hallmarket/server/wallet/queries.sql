-- name: create_missing_accounts
-- In a fixed order, so that two transactions can never deadlock.
insert into account (id, kind, person_id, currency)
select id, 'person', person_id, currency
from unnest($1::uuid[], $2::uuid[], $3::text[]) as requested (id, person_id, currency)
order by person_id, currency
on conflict (person_id, currency, kind) do nothing;

-- name: find_accounts
select id, person_id, currency from account where person_id = any ($1::uuid[]);

-- name: lock_accounts
-- Ordered by id, so that two transactions can never deadlock.
select id, person_id, currency from account where person_id = any ($1::uuid[]) order by id for no key update;

-- name: find_balances
-- A separate statement after lock_accounts, so that it sees what was committed while that waited.
select a.id, a.person_id, a.currency, account_balance(a) as balance_minor
from account a where a.id = any ($1::uuid[]);

-- name: create_transfers
insert into transfer (id, kind, actor_id, asset_id, corrects_id, message, reference)
select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[]);

-- name: create_postings
insert into posting (transfer_id, line, account_id, currency, amount_minor)
select * from unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::text[], $5::bigint[]);

-- name: find_balance
-- A person's balance in a currency, the total ever earned, and the time of the last posting. Only pending postings are
-- added up.
select a.id, account_balance(a) as balance_minor, a.earned_minor + coalesce((
    select sum(p.amount_minor)
    from pending_posting p join transfer t on t.id = p.transfer_id left join transfer c on c.id = t.corrects_id
    where p.account_id = a.id and posting_earns(t.kind, c.kind, p.amount_minor)
), 0)::bigint as earned_minor, (
    select p.created_on from posting p where p.account_id = a.id order by p.created_on desc limit 1
) as updated_on
from account a where a.person_id = $1 and a.currency = $2;

-- name: list_transactions
-- The postings of a person's account, newest first, optionally of one kind ($3) and from one period ($4, $5). For the
-- account that receives money, a purchase counts as a sale. All rows are of one account, so the index provides the
-- order. An asset's name is the one it was sold under.
with page as (
    select t.id, p.line, p.account_id, p.amount_minor, p.balance_after_minor, p.created_on,
           move_kind(t.kind, p.amount_minor) as kind,
           t.asset_id, t.corrects_id, t.message
    from posting p
    join transfer t on t.id = p.transfer_id
    where p.account_id = (select id from account where person_id = $1 and currency = $2 and kind = 'person')
      and ($3::text is null or move_kind(t.kind, p.amount_minor) = $3)
      and ($4::timestamptz is null or p.created_on >= $4)
      and ($5::timestamptz is null or p.created_on < $5)
    order by p.created_on desc, p.transfer_id desc, p.line desc
    offset $6 limit $7
)
select page.*, other.person_id as other_id, other.username, (
    select abs(sum(f.amount_minor))::bigint
    from posting f join account a on a.id = f.account_id
    where f.transfer_id = page.id and a.kind = 'fee'
) as fee_minor, (
    select l.asset_name from licence l
    where l.transfer_id = case page.kind when 'refund' then page.corrects_id else page.id end
) as asset_name
from page
left join lateral (
    select person.id as person_id, person.username
    from posting o join account a on a.id = o.account_id join person on person.id = a.person_id
    where o.transfer_id = page.id and o.account_id <> page.account_id
    limit 1
) other on true
order by page.created_on desc, page.id desc, page.line desc;

-- name: lock_transfer
-- The lock serializes corrections of the transfer.
select kind, asset_id from transfer where id = $1 for no key update;

-- name: find_correction
select id from transfer where corrects_id = $1 and kind = 'correction';

-- name: list_postings_of_transfer
select p.account_id, p.currency, p.amount_minor, a.person_id, person.username
from posting p join account a on a.id = p.account_id left join person on person.id = a.person_id
where p.transfer_id = $1 order by p.line;

-- name: list_pending_accounts
-- Accounts with at least $1 pending postings.
select account_id from pending_posting group by account_id having count(*) >= $1 order by account_id;

-- name: try_lock_account
-- No row if a payment or another server holds the lock. That transaction folds the pending postings itself.
select id from account where id = $1 for no key update skip locked;

-- name: fold_account
select account_fold($1);

-- name: audit_balance_of_transfers
-- Transfers that do not balance in a currency.
select t.id, t.kind, count(p.line) as postings, p.currency, coalesce(sum(p.amount_minor), 0)::bigint as sum_minor
from transfer t left join posting p on p.transfer_id = t.id
group by t.id, p.currency
having count(p.line) < 2 or sum(p.amount_minor) <> 0
order by t.id, p.currency;

-- name: audit_directions
-- Transfers between kinds of accounts, or in a direction, that their kind does not allow.
select t.id, t.kind, direction.text as direction
from transfer t
cross join lateral (
    select string_agg(step, ' ' order by step) as text
    from (
        select a.kind || case when p.amount_minor > 0 then '+' else '-' end as step
        from posting p join account a on a.id = p.account_id where p.transfer_id = t.id
    ) steps
) direction
where t.kind <> 'correction' and direction.text <> all (case
    when t.kind in ('credit', 'deposit') then array['funding- person+']
    when t.kind = 'payout' then array['payout+ person-']
    when t.kind in ('tip', 'send') then array['person- person+', 'person+ person-']
    when t.kind = 'purchase' then array['person- person+', 'person+ person-', 'fee+ person- person+',
                                        'fee+ person+ person-', 'fee+ person-']
    when t.kind = 'refund' then array['person- person+', 'person+ person-', 'fee- person- person+',
                                      'fee- person+ person-', 'fee- person+']
    else array[]::text[]
end)
order by t.id;

-- name: audit_corrections
-- Corrections that are not the exact opposite of the corrected transfer, or are its second correction.
select t.id, t.corrects_id
from transfer t
where t.kind = 'correction' and (
    array(select p.account_id || ' ' || p.amount_minor from posting p where p.transfer_id = t.id order by 1)
    is distinct from
    array(select p.account_id || ' ' || -p.amount_minor from posting p where p.transfer_id = t.corrects_id order by 1)
    or exists (select from transfer o where o.corrects_id = t.corrects_id and o.kind = 'correction' and o.id < t.id)
)
order by t.id;

-- name: audit_postings
-- Postings without a transfer, or on an account that does not exist or has another currency.
select p.transfer_id, p.line, t.id is null as is_orphan
from posting p
left join transfer t on t.id = p.transfer_id
left join account a on a.id = p.account_id and a.currency = p.currency
where t.id is null or a.id is null
order by p.transfer_id, p.line;

-- name: audit_pending
-- Pending postings that match no posting.
select w.account_id, w.transfer_id, w.line
from pending_posting w
left join posting p using (account_id, transfer_id, line, amount_minor)
where p.transfer_id is null
order by w.account_id, w.transfer_id, w.line;

-- name: audit_accounts
-- Accounts whose balance or earned total does not match their postings, and people's accounts with a negative balance.
with pending as (
    select w.account_id, sum(w.amount_minor) as minor,
           coalesce(sum(w.amount_minor) filter (where posting_earns(t.kind, c.kind, w.amount_minor)), 0) as earned_minor
    from pending_posting w left join transfer t on t.id = w.transfer_id left join transfer c on c.id = t.corrects_id
    group by 1
), posted as (
    select p.account_id, sum(p.amount_minor) as minor,
           coalesce(sum(p.amount_minor) filter (where posting_earns(t.kind, c.kind, p.amount_minor)), 0) as earned_minor
    from posting p left join transfer t on t.id = p.transfer_id left join transfer c on c.id = t.corrects_id
    group by 1
)
select a.id, a.kind, a.currency, person.username,
       a.balance_minor + coalesce(w.minor, 0)::bigint as stored_minor, coalesce(p.minor, 0)::bigint as posted_minor,
       a.earned_minor + coalesce(w.earned_minor, 0)::bigint as stored_earned_minor,
       coalesce(p.earned_minor, 0)::bigint as posted_earned_minor
from account a
left join pending w on w.account_id = a.id
left join posted p on p.account_id = a.id
left join person on person.id = a.person_id
where a.balance_minor + coalesce(w.minor, 0) <> coalesce(p.minor, 0)
   or a.earned_minor + coalesce(w.earned_minor, 0) <> coalesce(p.earned_minor, 0)
   or a.kind = 'person' and coalesce(p.minor, 0) < 0
order by a.id;

-- name: sum_postings
-- The totals of all postings by currency and kind of account.
select a.currency, a.kind, coalesce(sum(p.amount_minor), 0)::bigint as minor, count(p.line) as postings
from account a left join posting p on p.account_id = a.id
group by a.currency, a.kind;

-- name: count_transfers
select count(*) from transfer;

-- name: open_statement
-- A person's account, its balance at the start of the period, and the end of the period or now, whichever is earlier.
select a.id, least($4::timestamptz, clock_timestamp()) as until, (
    select coalesce(sum(p.amount_minor), 0)::bigint
    from posting p where p.account_id = a.id and p.created_on < $3
) as balance_minor
from account a where a.person_id = $1 and a.currency = $2;

-- name: list_statement
-- The postings of an account, oldest first, after the posting $2 to $4 and before $5. An asset's name is the one it was
-- sold under.
select p.transfer_id, p.line, p.created_on, p.amount_minor, t.message,
       move_kind(t.kind, p.amount_minor) as kind,
       coalesce(l.asset_name, t.asset_id::text) as asset, other.username
from posting p
join transfer t on t.id = p.transfer_id
left join licence l on l.transfer_id = case t.kind when 'refund' then t.corrects_id else t.id end
left join lateral (
    select person.username
    from posting o join account a on a.id = o.account_id join person on person.id = a.person_id
    where o.transfer_id = t.id and o.account_id <> p.account_id
    limit 1
) other on true
where p.account_id = $1 and p.created_on < $5
  and (p.created_on, p.transfer_id, p.line) > (coalesce($2::timestamptz, '-infinity'), $3::uuid, $4::smallint)
order by p.created_on, p.transfer_id, p.line
limit $6;
