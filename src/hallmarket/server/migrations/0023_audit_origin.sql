-- Where an action came from: the client's User-Agent header, and the id of the request, which is also in the server's
-- log. Both are null for actions that began on the server, and for those that were recorded before this migration.
alter table audit_event
    add user_agent text check (length(user_agent) <= 512),
    add request_id text;

-- The view's columns are fixed when it is created, so it is created again, under a name that says what it holds.
drop view audit_line;

create view named_audit_event as
select e.*, p.username as actor_username, k.prefix as actor_key_prefix, s.username as subject_username
from audit_event e
left join person p on p.id = e.actor_id
left join person s on s.id = e.subject_id
left join api_key k on k.id = e.actor_key_id;
