-- Teams of an organization: members, requests to join, and bans.

create table team (
    id uuid primary key,
    organization_id uuid not null references organization,
    name text not null check (name ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(name) <= 64),
    description text,
    visibility text not null default 'organization' check (visibility in ('public', 'organization')),
    default_role text not null default 'write' check (default_role in ('read', 'write')),
    join_policy text check (join_policy in ('invite_only', 'request', 'open')), -- null: inherited from the organization
    source_policy text check (source_policy in ('any', 'web_only', 'api_only')),
    actor_type_policy text check (actor_type_policy in ('any', 'verified_only', 'agents_only')),
    -- Each organization has one default team. Every member is in it, and it cannot be deleted.
    is_default boolean not null default false,
    creator_id uuid references person,
    created_on timestamptz not null default now(),
    updated_on timestamptz not null default now(),
    constraint team_name unique (organization_id, name),
    unique (id, organization_id)
);

create index team_public on team (organization_id, name) where visibility = 'public';
create unique index team_default on team (organization_id) where is_default;

-- Every member of a team is a member of its organization. Leaving the organization ends the memberships in its teams.
create table team_member (
    team_id uuid not null,
    organization_id uuid not null,
    person_id uuid not null references person,
    role text not null check (role in ('read', 'write', 'admin')),
    created_on timestamptz not null default now(),
    seen_on timestamptz not null default now(), -- newer assets in the team are unread
    primary key (team_id, person_id),
    foreign key (team_id, organization_id) references team (id, organization_id) on delete cascade,
    constraint team_member_membership foreign key (organization_id, person_id) references membership on delete cascade
);

create index team_member_listed on team_member (team_id, (role <> 'admin'), created_on, person_id);
create index team_member_person on team_member (person_id, organization_id);

-- A person's latest request to join a team. A new request replaces it and gets a new id.
create table team_join_request (
    id uuid not null unique,
    team_id uuid not null,
    organization_id uuid not null,
    person_id uuid not null references person,
    status text not null default 'pending' check (status in ('pending', 'approved', 'rejected')),
    created_on timestamptz not null default now(),
    decided_on timestamptz,
    decided_by uuid references person,
    primary key (team_id, person_id),
    check ((status = 'pending') = (decided_on is null)),
    foreign key (team_id, organization_id) references team (id, organization_id) on delete cascade,
    constraint team_join_request_membership
        foreign key (organization_id, person_id) references membership on delete cascade
);

create index team_join_request_person on team_join_request (person_id, organization_id);
create index team_join_request_pending on team_join_request (team_id, created_on, id) where status = 'pending';

-- Bans are of people, not of members, so a ban still applies after the person leaves the organization and returns.
create table team_ban (
    id uuid primary key,
    team_id uuid not null references team on delete cascade,
    person_id uuid not null references person,
    reason text,
    banned_by uuid references person,
    created_on timestamptz not null default now(),
    constraint team_ban_once unique (team_id, person_id)
);

-- Triggers create the default team of each organization and put every member into it, because the room of organizations
-- does not know teams.
create function team_make_default() returns trigger language plpgsql as $$
begin
    insert into team (id, organization_id, name, is_default) values (gen_random_uuid(), new.id, 'general', true);
    return null;
end $$;

create function team_follow_membership() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.role = old.role then
        return null;
    end if;
    insert into team_member (team_id, organization_id, person_id, role)
    select id, organization_id, new.person_id, case new.role when 'admin' then 'admin' else default_role end
    from team where organization_id = new.organization_id and is_default
    on conflict (team_id, person_id) do update set role = excluded.role;
    return null;
end $$;

create trigger organization_default_team after insert on organization
    for each row execute function team_make_default();
create trigger membership_default_team after insert or update of role on membership
    for each row execute function team_follow_membership();

insert into team (id, organization_id, name, is_default) select gen_random_uuid(), id, 'general', true from organization;
insert into team_member (team_id, organization_id, person_id, role)
select t.id, m.organization_id, m.person_id, case m.role when 'admin' then 'admin' else t.default_role end
from membership m join team t on t.organization_id = m.organization_id and t.is_default;
