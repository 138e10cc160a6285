-- What a service is to do later, and of its own accord: jobs, written in the transaction of the change that asks for them. A row is
-- there for what waits, runs, has failed, and for each schedule; what is done leaves none (docs/decisions/0044-jobs.md).
create table lintel.work (
  id uuid primary key,
  job text not null,
  -- Of one key one waits.
  key text,
  data json not null,
  -- The request that caused it, as those of an event.
  headers json,
  created_at timestamptz(3) not null default now(),
  -- When it is to be tried; while it runs, when it may be tried again should its process be gone.
  due_at timestamptz not null,
  attempts integer not null default 0,
  -- Of the attempt under way: whoever does not have it any more leaves nothing behind.
  claim uuid,
  error text,
  dead_at timestamptz(3),
  -- Of a schedule.
  every_ms bigint
);
-- By kind: one that waits for a place holds up no look at another.
create index work_due_at on lintel.work (job, due_at) where dead_at is null;
-- One that was tried stands aside: what is asked for meanwhile may be news to it.
create unique index work_key on lintel.work (job, key) where attempts = 0 and key is not null;
create index work_tried on lintel.work (job, key) where attempts > 0 and key is not null;
-- Of one key one is in hand; and what runs is counted without reading what waits.
create unique index work_in_hand on lintel.work (job, key) where claim is not null;
create unique index work_schedule on lintel.work (job) where every_ms is not null;
