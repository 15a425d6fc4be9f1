-- Notifications of people. `viewed_on` is null until a notification is read.

create table notification (
    id uuid primary key,
    created_on timestamptz not null default now(),
    destination_id uuid not null references person,
    source_id uuid references person,
    organization_id uuid references organization,
    type text not null,
    asset_id uuid,
    content jsonb check (jsonb_typeof(content) = 'object'),
    viewed_on timestamptz
);

create index notification_newest on notification (destination_id, created_on desc, id desc);
create index notification_unread on notification (destination_id) where viewed_on is null;

-- A person who follows, unfollows and follows again causes only one unread notification.
create unique index notification_follow on notification (destination_id, source_id)
    where type = 'follow' and viewed_on is null;
