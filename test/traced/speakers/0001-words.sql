create table words (
  id uuid primary key,
  text text not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
create index words_by_created_at on words (created_at, id);
