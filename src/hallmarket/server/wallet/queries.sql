-- name: ensure_accounts
-- In order, so that two transactions can never deadlock.
insert into account (id, kind, person_id, currency)
select id, 'person', person_id, currency
from unnest($1::uuid[], $2::uuid[], $3::text[]) as wanted (id, person_id, currency)
order by person_id, currency
on conflict (person_id, currency, kind) do nothing;

-- name: find_accounts
select id, person_id, currency from account where person_id = any ($1::uuid[]);

-- name: lock_accounts
-- Ordered by id, so that two transactions can never deadlock.
select id from account where person_id = any ($1::uuid[]) order by id for no key update;

-- name: find_balances
-- In a statement of its own, it sees what was committed while the locks were waited for.
select a.id, a.person_id, a.currency, account_balance(a) as balance_minor
from account a where a.person_id = any ($1::uuid[]);

-- name: create_transfers
insert into transfer (id, kind, actor_id, asset_id, corrects_id, message, reference)
select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[]);

-- name: create_postings
insert into posting (transfer_id, line, account_id, currency, amount_minor)
select * from unnest($1::uuid[], $2::smallint[], $3::uuid[], $4::text[], $5::bigint[]);
