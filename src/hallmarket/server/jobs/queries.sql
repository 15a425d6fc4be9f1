-- name: enqueue
with added as (
    insert into job (priority, entrypoint, payload, status) values (0, $1, $2, 'queued')
    returning id, status, entrypoint, priority
)
insert into job_log (job_id, status, entrypoint, priority) select id, status, entrypoint, priority from added;

-- name: count_tries
-- How often a job was taken in hand, also by processes that died of it, save the times it was given back for no fault of
-- its own.
select count(*) filter (where status = 'picked')
     - count(*) filter (where status = 'queued' and traceback->>'exception_message' = $2) as tries
from job_log where job_id = $1;

-- name: count_jobs
select entrypoint as kind,
       count(*) filter (where status = 'queued') as waiting,
       count(*) filter (where status = 'picked') as running,
       count(*) filter (where status = 'failed') as failed,
       coalesce(extract(epoch from now() - min(created) filter (where status = 'queued')), 0)::float8 as oldest_s
from job group by entrypoint order by entrypoint;

-- name: forget_failed
delete from job where status = 'failed' and updated < now() - interval '30 days';

-- name: forget_log
-- What is known of a job goes when the job has been gone for a while.
delete from job_log l
where created < now() - interval '30 days' and not exists (select from job j where j.id = l.job_id);
