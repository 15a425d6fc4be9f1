-- name: enqueue
with added as (
    insert into job (priority, entrypoint, payload, status) values (0, $1, $2, 'queued')
    returning id, status, entrypoint, priority
)
insert into job_log (job_id, status, entrypoint, priority) select id, status, entrypoint, priority from added;

-- name: count_attempts
-- The number of times a job was started, including by processes that died while running it. Starts that ended with the
-- reason $2 are not counted: the job went back to the queue through no fault of its own.
select count(*) filter (where status = 'picked')
     - count(*) filter (where status = 'queued' and traceback->>'exception_message' = $2) as attempts
from job_log where job_id = $1;

-- name: count_jobs
select entrypoint as kind,
       count(*) filter (where status = 'queued') as waiting,
       count(*) filter (where status = 'picked') as running,
       count(*) filter (where status = 'failed') as failed,
       coalesce(extract(epoch from now() - min(created) filter (where status = 'queued')), 0)::float8 as oldest_s
from job group by entrypoint order by entrypoint;

-- name: delete_old_failed_jobs
delete from job where status = 'failed' and updated < now() - interval '30 days';

-- name: delete_old_history
-- A job's history outlives the job, up to 30 days.
delete from job_log l
where created < now() - interval '30 days' and not exists (select from job j where j.id = l.job_id);
