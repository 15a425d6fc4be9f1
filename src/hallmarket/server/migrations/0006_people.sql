-- People as they show themselves, and whom they follow.

alter table person
    add column bio text,
    add column actor_type text not null default 'base' check (actor_type in ('base', 'agent', 'verified')),
    add column last_active_on timestamptz;

create table follow (
    id uuid primary key,
    follower_id uuid not null references person,
    followed_id uuid not null references person,
    created_on timestamptz not null default now(),
    constraint follow_once unique (follower_id, followed_id),
    check (follower_id <> followed_id)
);

create index follow_followed on follow (followed_id);
