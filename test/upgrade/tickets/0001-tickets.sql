create table tickets (
  id uuid primary key,
  subject varchar(80) not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index on tickets (created_at, id);
