-- Dead jobs are found among a million that wait without reading those: `/health` counts them every second.
create index work_dead on lintel.work (job) where dead_at is not null;
