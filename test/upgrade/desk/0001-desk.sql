create table assignments (
  id uuid primary key,
  ticket_id uuid not null,
  subject varchar(80) not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

-- A row for each event that was handled, so that one handled twice is seen.
create table heard (event_id text not null, type text not null, ticket_id text not null);
