-- name: record_event
insert into audit_event (id, organization_id, actor_id, actor_key_id, address, action, subject_id, details)
values ($1, $2, $3, $4, $5, $6, $7, $8::jsonb);
