create table notes (
  id uuid primary key,
  title varchar(200) not null,
  text text not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create index notes_by_created_at on notes (created_at, id);
create index notes_by_title on notes (title, id);

create extension if not exists pg_trgm;
create index notes_by_title_part on notes using gin (title gin_trgm_ops);
