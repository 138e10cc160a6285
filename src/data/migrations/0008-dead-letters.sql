-- Dead letters are found among a million events that wait without reading those: `/health` counts them every second.
create index inbox_dead on lintel.inbox (consumer, position) where done_at is null and dead_at is not null;
