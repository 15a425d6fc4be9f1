-- A person's keys, newest first, page by page.

create index api_key_newest on api_key (person_id, created_on desc, id desc);
