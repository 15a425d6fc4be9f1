-- First answers under an Idempotency-Key, kept for a day. The zero UUID is a person's own context.
create table first_answer (
    organization_id uuid not null,
    person_id uuid not null,
    key text not null,
    request_digest bytea not null,
    status smallint,
    body bytea,
    created_on timestamptz not null default now(),
    primary key (organization_id, person_id, key)
);

create index first_answer_age on first_answer (created_on);
