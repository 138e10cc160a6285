-- lintel: no transaction
-- Dead jobs are found among a million that wait without reading those: `/health` counts them every second.
drop index concurrently if exists lintel.work_dead; -- left by a try that failed
create index concurrently work_dead on lintel.work (job) where dead_at is not null;
