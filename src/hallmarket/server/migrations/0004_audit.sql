-- The audit trail: who did what to whom, when and from where. Rows can only be inserted.

create table audit_event (
    id uuid primary key,
    created_on timestamptz not null default now(),
    -- The organization whose administrators may read the event. If it is null, the person may.
    organization_id uuid references organization,
    person_id uuid references person,
    -- Null for an operator's command on the server's own machine.
    actor_id uuid references person,
    actor_key_id uuid,
    address text,
    action text not null check (action ~ '^[a-z-]+\.[a-z-]+$'),
    subject_id uuid,
    details jsonb not null default '{}'
);

-- For pages, newest first: of all events, and for each filter that selects few of many.
create index audit_event_all on audit_event (created_on desc, id desc);
create index audit_event_newest on audit_event (organization_id, created_on desc, id desc);
create index audit_event_action on audit_event (organization_id, action, created_on desc, id desc);
create index audit_event_actor on audit_event (organization_id, actor_id, created_on desc, id desc);
create index audit_event_subject on audit_event (organization_id, subject_id, created_on desc, id desc);
create index audit_event_personal on audit_event (person_id, created_on desc, id desc) where organization_id is null;

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only';
end $$;

create trigger audit_event_kept before update or delete or truncate on audit_event
    for each statement execute function audit_is_append_only();

-- Events with the names of the actor and the subject.
create view audit_line as
select e.*, p.username as actor_username, k.prefix as actor_key_prefix, s.username as subject_username
from audit_event e
left join person p on p.id = e.actor_id
left join person s on s.id = e.subject_id
left join api_key k on k.id = e.actor_key_id;
