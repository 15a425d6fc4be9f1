-- Name the table for what it holds: responses stored under an Idempotency-Key.
alter table first_answer rename to stored_response;
alter index first_answer_age rename to stored_response_age;
alter index first_answer_pkey rename to stored_response_pkey;
