-- For pages of a person's keys, newest first.

create index api_key_newest on api_key (person_id, created_on desc, id desc);
