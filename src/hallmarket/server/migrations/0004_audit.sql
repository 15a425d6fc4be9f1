-- Who did what to whom, when and from where. Rows are only ever added: not even we can change them by mistake.

create table audit_event (
    id uuid primary key,
    created_on timestamptz not null default now(),
    -- Whose administrators may read it; null for what concerns a person alone.
    organization_id uuid references organization,
    -- Null: an administrator's command on the server's own machine.
    actor_id uuid references person,
    actor_key_id uuid,
    address text,
    action text not null check (action ~ '^[a-z-]+\.[a-z-]+$'),
    subject_id uuid,
    details jsonb not null default '{}'
);

create index audit_event_newest on audit_event (organization_id, created_on desc, id desc);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only';
end $$;

create trigger audit_event_kept before update or delete or truncate on audit_event
    for each statement execute function audit_is_append_only();
