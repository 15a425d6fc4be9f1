-- name: lock_assets
-- The lock keeps the assets' prices and access rights unchanged until the transaction ends. Ordered by id, so that two
-- transactions can never deadlock.
select id from asset where id = any ($1::uuid[]) order by id for share;

-- name: try_lock_assets
-- The same, but skips assets that another transaction is changing.
select id from asset where id = any ($1::uuid[]) order by id for share skip locked;

-- name: find_assets
select id from asset where id = any ($1::uuid[]);

-- name: find_listings
-- For each order of a buyer, the asset and its current content, if the buyer may see its listing. Read after all locks
-- are taken.
select o.position, a.id, a.asset_type, a.owner_id, a.organization_id, a.name, a.visibility, a.audience, a.monetization,
       a.parent_id, a.price_usd, a.price_sats, a.license_id, a.license_text, d.version,
       coalesce(v.sha3_512, b.sha3_512, c.sha3_512) as sha3_512,
       coalesce(octet_length(v.manifest), b.size, octet_length(c.text)) as size, a.role,
       exists (select from licence l
               where l.buyer_id = o.buyer_id and l.asset_id = a.id and l.ended_on is null) as is_bought
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as o (asset_id, buyer_id, bound_to, position)
cross join lateral (
    select n.*, asset_role(n.id, n.access_id, n.audience, n.organization_id, o.buyer_id, o.bound_to) as role
    from asset n where n.id = o.asset_id
    offset 0
) a
left join dataset d on d.asset_id = a.id
left join dataset_version v on v.dataset_id = d.asset_id and v.number = d.version
left join file f on f.asset_id = a.id
left join blob b on b.id = f.blob_id
left join content c on c.asset_id = a.id
where a.role >= 0;

-- name: create_licences
insert into licence (id, buyer_id, seller_id, organization_id, asset_id, asset_type, asset_name, dataset_version,
                     content_sha3_512, content_size, license_id, license_text, currency, price_minor, fee_minor,
                     earned_minor, transfer_id, salt, created_on)
select id, buyer_id, seller_id, organization_id, asset_id, asset_type, asset_name, dataset_version, content_sha3_512,
       content_size, license_id, license_text, currency, price_minor, fee_minor, price_minor - fee_minor, transfer_id,
       salt, created_on
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::integer[],
            $9::bytea[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[],
            $16::uuid[], $17::bytea[], $18::timestamptz[])
  as sale (id, buyer_id, seller_id, organization_id, asset_id, asset_type, asset_name, dataset_version,
           content_sha3_512, content_size, license_id, license_text, currency, price_minor, fee_minor, transfer_id,
           salt, created_on);

-- name: mark_anchored
update licence l set status = 3, leaf_index = s.leaf_index, leaf_hash = s.leaf_hash, checkpoint_number = $4
from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as s (id, leaf_index, leaf_hash)
where l.id = s.id;

-- name: mark_failed
update licence set status = 4 where id = any ($1::uuid[]);

-- name: list_licence_ids
-- A person's licences, newest first: $2 includes those they bought, $3 those they sold. The filters: $4 one asset, $5
-- only valid (true) or only ended (false) licences. Each side is read in the order of its index, so the cost of a page
-- depends only on the rows before it.
with mine as (
    (select l.id, l.created_on from licence l
     where $2 and l.buyer_id = $1 and ($4::uuid is null or l.asset_id = $4)
       and ($5::boolean is null or (l.ended_on is null) = $5)
     order by l.created_on desc, l.id desc limit $6::bigint + $7)
    union all
    (select l.id, l.created_on from licence l
     where $3 and l.seller_id = $1 and ($4::uuid is null or l.asset_id = $4)
       and ($5::boolean is null or (l.ended_on is null) = $5)
     order by l.created_on desc, l.id desc limit $6::bigint + $7)
)
select id from mine order by created_on desc, id desc offset $6 limit $7;

-- name: get_licences
-- The licences with the given ids, in that order, if the person bought or sold them, or administers the organization
-- they were sold in (and may thus refund them). $3 is the organization that the request's key is bound to, or null.
select l.id, l.asset_id, l.asset_type, l.asset_name, l.dataset_version, l.content_sha3_512, l.content_size,
       l.license_id, l.license_text, l.currency, l.price_minor, l.fee_minor, l.transfer_id, l.created_on,
       l.refunded_minor, l.ended_on, l.status, l.leaf_index, c.created_on as anchored_on,
       l.buyer_id, b.username as buyer_username, full_name(b.firstname, b.lastname) as buyer_name,
       b.profile_picture as buyer_picture, b.actor_type as buyer_actor_type,
       l.seller_id, s.username as seller_username, full_name(s.firstname, s.lastname) as seller_name,
       s.profile_picture as seller_picture, s.actor_type as seller_actor_type
from unnest($2::uuid[]) with ordinality as requested (id, position)
join licence l on l.id = requested.id
join person b on b.id = l.buyer_id
join person s on s.id = l.seller_id
left join log_checkpoint c on c.number = l.checkpoint_number
where $1 in (l.buyer_id, l.seller_id) or exists (
    select from membership m
    where m.organization_id = l.organization_id and m.person_id = $1 and m.role = 'admin'
      and ($3::uuid is null or m.organization_id = $3))
order by requested.position;

-- name: find_licence_for_proof
-- Everything that the licence's log entry commits to, and its leaf index. Only for its buyer and its seller.
select id, buyer_id, seller_id, organization_id, asset_id, asset_type, asset_name, dataset_version, content_sha3_512,
       content_size, license_id, license_text, currency, price_minor, fee_minor, transfer_id, salt, created_on,
       leaf_index, checkpoint_number
from licence
where id = $2 and (buyer_id = $1 or seller_id = $1);

-- name: lock_asset_of_licence
-- Locks the licence's asset, if it still exists, before the licence itself. Purchases lock in the same order.
select id from asset where id = (select l.asset_id from licence l where l.id = $1) for no key update;

-- name: lock_licence
-- For its buyer, its seller, and administrators of the organization it was sold in. $3 is the organization that the
-- request's key is bound to, or null. If $2 is null, the caller is the operator, who may see every licence.
select l.id, l.buyer_id, l.seller_id, l.organization_id, l.asset_id, l.asset_type, l.asset_name, l.currency,
       l.price_minor, l.fee_minor, l.refunded_minor, l.transfer_id, b.username as buyer_name
from licence l join person b on b.id = l.buyer_id
where l.id = $1 and ($2::uuid is null or $2 in (l.buyer_id, l.seller_id) or exists (
    select from membership m
    where m.organization_id = l.organization_id and m.person_id = $2 and m.role = 'admin'
      and ($3::uuid is null or m.organization_id = $3)))
for no key update of l;

-- name: refund_licence
update licence set refunded_minor = refunded_minor + $2, earned_minor = earned_minor - $3,
                   ended_on = case when refunded_minor + $2 = price_minor then now() end
where id = $1
returning refunded_minor, price_minor - refunded_minor as remaining_minor, ended_on is not null as ended, now() as now;

-- name: list_usage
-- A person's purchases ($2) and sales ($3) in dollars, newest first. Each side is read in the order of its index, and
-- only up to the end of the page.
select l.id, l.buyer_id, l.seller_id, l.asset_id, l.asset_type, l.asset_name, l.price_minor, l.fee_minor,
       l.refunded_minor, l.transfer_id, l.created_on
from (
    (select * from licence
     where $2::boolean and buyer_id = $1 and currency = 'usd' and ($4::uuid is null or asset_id = $4)
     order by created_on desc, id desc limit $5::bigint + $6)
    union all
    (select * from licence
     where $3::boolean and seller_id = $1 and currency = 'usd' and ($4::uuid is null or asset_id = $4)
     order by created_on desc, id desc limit $5::bigint + $6)
) l
order by l.created_on desc, l.id desc
offset $5 limit $6;

-- name: sum_usage
select count(*) as record_count, coalesce(sum(cents), 0)::bigint as total_minor
from (
    select price_minor - refunded_minor as cents from licence
    where $2::boolean and buyer_id = $1 and currency = 'usd' and ($4::uuid is null or asset_id = $4)
    union all
    select price_minor - refunded_minor from licence
    where $3::boolean and seller_id = $1 and currency = 'usd' and ($4::uuid is null or asset_id = $4)
) l;

-- name: list_earnings
-- Earnings by asset, without fully refunded licences. The join drops no asset, because a sold asset cannot be deleted.
-- Every row repeats the totals of all assets.
select e.*, a.name, a.asset_type
from (
    select asset_id, count(*) as sales, sum(price_minor - refunded_minor)::bigint as gross_minor,
           sum(earned_minor)::bigint as earned_minor,
           (sum(sum(price_minor - refunded_minor)) over ())::bigint as all_gross_minor,
           (sum(sum(earned_minor)) over ())::bigint as all_earned_minor
    from licence
    where seller_id = $1 and currency = 'usd' and refunded_minor < price_minor
    group by asset_id
    order by earned_minor desc, asset_id
    limit $2
) e
join asset a on a.id = e.asset_id
order by e.earned_minor desc, e.asset_id;

-- name: audit_sales
-- Purchases without exactly one licence.
select t.id, count(l.id) as licences
from transfer t left join licence l on l.transfer_id = t.id
where t.kind = 'purchase'
group by t.id having count(l.id) <> 1 order by t.id;

-- name: audit_postings
-- Licences whose transfer is not the purchase of their asset, or whose postings do not match price and fee.
select l.id, l.transfer_id, t.kind is not distinct from 'purchase' and t.asset_id = l.asset_id as is_its
from licence l
left join transfer t on t.id = l.transfer_id
left join account b on b.person_id = l.buyer_id and b.currency = l.currency
left join account s on s.person_id = l.seller_id and s.currency = l.currency
left join account f on f.kind = 'fee' and f.currency = l.currency
where t.kind is distinct from 'purchase' or t.asset_id is distinct from l.asset_id
   or (select count(*) from posting p where p.transfer_id = l.transfer_id)
      <> 1 + (l.fee_minor > 0)::integer + (l.fee_minor < l.price_minor)::integer
   or exists (
       select from posting p
       where p.transfer_id = l.transfer_id
         and ((p.account_id, p.amount_minor) in ((b.id, -l.price_minor), (s.id, l.price_minor - l.fee_minor),
                                                 (f.id, l.fee_minor))) is not true
   )
order by l.id;

-- name: audit_refunds
-- Licences whose refunded amount, earnings or fee do not match their refunds.
select l.id, l.currency, l.refunded_minor, l.earned_minor, refund.buyer_minor,
       l.price_minor - l.fee_minor + refund.seller_minor as seller_minor
from licence l
cross join lateral (
    select coalesce(sum(p.amount_minor) filter (where a.person_id = l.buyer_id), 0)::bigint as buyer_minor,
           coalesce(sum(p.amount_minor) filter (where a.person_id = l.seller_id), 0)::bigint as seller_minor,
           coalesce(sum(p.amount_minor) filter (where a.kind = 'fee'), 0)::bigint as fee_minor
    from transfer t
    join posting p on p.transfer_id = t.id
    join account a on a.id = p.account_id
    where t.corrects_id = l.transfer_id
) refund
where l.refunded_minor <> refund.buyer_minor
   or l.earned_minor <> l.price_minor - l.fee_minor + refund.seller_minor
   or -refund.fee_minor <> div(l.fee_minor::numeric * l.refunded_minor, l.price_minor)
order by l.id;

-- name: audit_orphaned_refunds
-- Refunds of a transfer that has no licence.
select t.id from transfer t
where t.kind = 'refund' and not exists (select from licence l where l.transfer_id = t.corrects_id)
order by t.id;

-- name: audit_missing_entitlements
-- Valid licences whose buyer has no permission from the purchase.
select l.id from licence l
where l.ended_on is null
  and not exists (select from permission g where g.asset_id = l.asset_id and g.person_id = l.buyer_id and g.bought)
order by l.id;

-- name: audit_content
-- Valid licences whose file or dataset version no longer has the content that was bought.
select l.id, l.asset_type from licence l
left join file f on f.asset_id = l.asset_id
left join blob b on b.id = f.blob_id
left join dataset_version v on v.dataset_id = l.asset_id and v.number = l.dataset_version
where l.ended_on is null and l.asset_type in ('file', 'dataset')
  and l.content_sha3_512 is distinct from coalesce(v.sha3_512, b.sha3_512)
order by l.id;

-- name: audit_unpaid_entitlements
-- Permissions from a purchase without a valid licence.
select g.id, g.asset_id, person.username
from permission g join person on person.id = g.person_id
where g.bought
  and not exists (select from licence l
                  where l.asset_id = g.asset_id and l.buyer_id = g.person_id and l.ended_on is null)
order by g.id;

-- name: audit_entries
-- Each licence with its entry while that is queued, or with the log's leaf hash at its leaf index.
select l.*, q.entry, substring(tile.hashes from (l.leaf_index % 256)::integer * 32 + 1 for 32) as leaf
from licence l
left join log_queue q on q.kind = 'licence' and q.subject_id = l.id and l.status = 2
left join log_tile tile on tile.level = 0 and tile.index = l.leaf_index / 256
order by l.id;

-- name: find_currency
select currency from licence where id = $1;
