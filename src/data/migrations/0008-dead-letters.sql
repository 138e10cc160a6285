-- lintel: no transaction
-- Dead letters are found among a million events that wait without reading those: `/health` counts them every second.
drop index concurrently if exists lintel.inbox_dead; -- left by a try that failed
create index concurrently inbox_dead on lintel.inbox (consumer, position) where done_at is null and dead_at is not null;
