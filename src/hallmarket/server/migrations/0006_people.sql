-- People as they show themselves, and whom they follow.

alter table person
    add column bio text,
    add column actor_type text not null default 'base' check (actor_type in ('base', 'agent', 'verified')),
    -- Under `/users/…` stand usernames, ids, and these two words.
    add constraint person_username_apart check (
        username not in ('search', 'get-token')
        and username !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    );

-- A person's name in one piece; null for whoever has none.
create function full_name(firstname text, lastname text) returns text language sql stable as $$
    select nullif(trim(concat_ws(' ', firstname, lastname)), '');
$$;

create table follow (
    id uuid primary key,
    follower_id uuid not null references person,
    followed_id uuid not null references person,
    created_on timestamptz not null default now(),
    constraint follow_once unique (follower_id, followed_id),
    check (follower_id <> followed_id)
);

create index follow_followed on follow (followed_id);

-- A person's keys say when they were last active.
create index api_key_person on api_key (person_id);

-- Servers remember with a key what its person is called; a biography changed wakes nobody.
create trigger person_changed after update of username, firstname, lastname, email on person
    for each row
    when ((old.username, old.firstname, old.lastname, old.email)
          is distinct from (new.username, new.firstname, new.lastname, new.email))
    execute function identity_changed();
