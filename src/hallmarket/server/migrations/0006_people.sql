-- Profiles of people, and follows.

alter table person
    add column bio text,
    add column actor_type text not null default 'base' check (actor_type in ('base', 'agent', 'verified')),
    -- These two words and ids are also segments of paths under `/users/…`.
    add constraint person_username_apart check (
        username not in ('search', 'get-token')
        and username !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    );

-- A person's full name; null if they have none.
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

-- A person was last active when one of their keys was last used.
create index api_key_person on api_key (person_id);

-- Servers cache the name of a key's person, but not the biography, so only a change of the name notifies them.
create trigger person_changed after update of username, firstname, lastname, email on person
    for each row
    when ((old.username, old.firstname, old.lastname, old.email)
          is distinct from (new.username, new.firstname, new.lastname, new.email))
    execute function identity_changed();
