-- Events on their way out are claimed by one relay at a time: until when, and by which.
alter table lintel.outbox
  add column claimed_until timestamptz,
  add column claimed_by uuid;
create index outbox_claimed on lintel.outbox (aggregate_id) where published_at is null and claimed_until is not null;
create index outbox_published_at on lintel.outbox (published_at) where published_at is not null;

-- Events that have arrived, each once for each consumer: what makes effects happen once. A row is waiting, then done; or
-- dead, when its handler has failed for the last time, and then holds up what its aggregate sends after it.
create table lintel.inbox (
  position bigint generated always as identity,
  consumer text not null,
  event_id uuid not null,
  type text not null,
  aggregate_id text not null,
  occurred_at timestamptz(3) not null,
  data json,
  received_at timestamptz(3) not null default now(),
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  error text,
  dead_at timestamptz(3),
  done_at timestamptz(3),
  constraint inbox_once primary key (event_id, consumer)
);
-- No index has all positions: the planner would walk it through everything that is done. And each of these two serves one
-- half of a claim only, so that it can't take the wrong one while it knows nothing of how much waits.
create index inbox_waiting on lintel.inbox (consumer, position) where done_at is null and dead_at is null;
create index inbox_waiting_by_aggregate on lintel.inbox (consumer, aggregate_id, position) where done_at is null;
create index inbox_done_at on lintel.inbox (done_at) where done_at is not null;

-- Which process receives for a consumer: of several, one at a time, so that events are stored in the order they come.
create table lintel.receivers (
  consumer text primary key,
  holder uuid,
  held_until timestamptz not null default '-infinity',
  term integer not null default 1,
  subscribed_at timestamptz(3) not null default now()
);
