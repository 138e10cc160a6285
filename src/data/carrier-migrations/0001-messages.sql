-- The carrier on PostgreSQL: one log of all events, in a database of its own that belongs to no service.
create table messages (
  position bigint generated always as identity primary key,
  service text not null,
  id uuid not null unique,
  type text not null,
  aggregate_id text not null,
  occurred_at timestamptz(3) not null,
  data json not null,
  published_at timestamptz(3) not null default now()
);
create index messages_published_at on messages (published_at);

-- How far each consumer has taken over what is in the log.
create table subscriptions (
  name text primary key,
  position bigint not null
);
