-- name: create_payment
insert into payment (id, person_id, currency, amount_minor) values ($1, $2, 'usd', $3);

-- name: find_payment
-- Only the person's own payment.
select id, amount_minor, status, attempt, url, expires_on, created_on from payment where id = $1 and person_id = $2;

-- name: open_payment
-- If several requests create a Stripe session for one payment at the same time, the first to finish stores its session
-- and all of them return that one.
update payment set status = 'open', session_id = $2, url = $3, expires_on = $4 where id = $1 and status = 'created';

-- name: count_attempt
update payment set attempt = attempt + 1 where id = $1 and status = 'created' and attempt = $2;

-- name: refuse_payment
update payment set status = 'failed', settled_on = now() where id = $1 and status = 'created';

-- name: lock_payment
select id, person_id, currency, amount_minor, status, session_id from payment where id = $1 for no key update;

-- name: settle_payment
-- From any earlier status: Stripe's word that it is paid overrides ours.
update payment set status = 'paid', session_id = $2, intent_id = $3, transfer_id = $4, settled_on = now() where id = $1;

-- name: end_payment
update payment set status = $2, session_id = $3, settled_on = now() where id = $1 and status in ('created', 'open');

-- name: find_payment_of_intent
select id, person_id, transfer_id from payment where intent_id = $1;
