-- In all queries, the arguments of `asset_role` after the asset are the person and the organization that the request's
-- key is bound to (null if unbound).

-- name: save_content
insert into content (asset_id, text, sha3_512, json) values ($1, $2, $3, $4::jsonb)
on conflict (asset_id) do update set text = excluded.text, sha3_512 = excluded.sha3_512, json = excluded.json;

-- name: find_content
-- The text of an asset. The caller has checked that it may be read.
select c.text, c.json, a.name, a.slug, a.asset_type
from content c join asset a on a.id = c.asset_id
where a.id = $1;

-- name: list_contents
-- The texts of the assets that the person may read, with their numbers of comments (including replies) and views.
select a.id, c.text, c.json,
       (select count(*) from asset s where s.parent_id = a.id and s.asset_type = 'comment')
       + (select count(*) from asset s join asset r on r.parent_id = s.id and r.asset_type = 'comment'
          where s.parent_id = a.id and s.asset_type = 'comment') as comments,
       (select coalesce(sum(d.views), 0)::bigint from asset_day d where d.asset_id = a.id) as views
from content c join asset a on a.id = c.asset_id
where a.id = any ($1::uuid[]) and asset_role(a, $2, $3) >= 1;

-- name: list_comments
-- The comments on an asset, oldest first.
select a.id
from asset a
where a.parent_id = $1 and a.asset_type = 'comment' and asset_role(a, $2, $3) >= 1
order by a.created_on, a.id
offset $4 limit $5;

-- name: list_visible
-- Those of the assets whose listing the person may see.
select a.id from asset a where a.id = any ($1::uuid[]) and asset_role(a, $2, $3) >= 0;

-- name: list_readers
-- Those of the people who may read the asset with an unbound key.
select p.id
from unnest($2::uuid[]) as p (id), asset a
where a.id = $1 and asset_role(a, p.id, null) >= 1;

-- name: find_people
select id, username from person where username = any ($1::text[]);
