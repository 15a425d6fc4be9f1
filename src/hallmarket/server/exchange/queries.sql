-- name: lock_assets
-- Their prices and who may read them stand still until the transaction ends. Ordered by id, so that two transactions can
-- never deadlock.
select id from asset where id = any ($1::uuid[]) order by id for share;

-- name: find_offers
-- What each of some buyers may know of an asset they want, with what it consists of now; read once all is locked.
select w.place, a.id, a.asset_type, a.owner_id, a.organization_id, a.name, a.visibility, a.audience, a.monetization,
       a.parent_id, a.price_usd, a.price_sats, a.license_id, a.license_text, d.version,
       coalesce(v.sha3_512, b.sha3_512) as sha3_512, coalesce(octet_length(v.manifest), b.size) as size, a.role,
       exists (select from licence l
               where l.buyer_id = w.person_id and l.asset_id = a.id and l.ended_on is null) as is_bought
from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as w (asset_id, person_id, reaches, place)
cross join lateral (
    select n.*, asset_role(n.id, n.access_id, n.audience, n.organization_id, w.person_id, w.reaches) as role
    from asset n where n.id = w.asset_id
    offset 0
) a
left join dataset d on d.asset_id = a.id
left join dataset_version v on v.dataset_id = d.asset_id and v.number = d.version
left join file f on f.asset_id = a.id
left join blob b on b.id = f.blob_id
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
