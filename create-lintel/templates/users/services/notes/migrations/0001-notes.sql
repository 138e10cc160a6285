create table notes (
  id uuid primary key,
  user_id uuid not null,
  title varchar(200) not null,
  text text not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

-- Users list their own, admins all.
create index notes_by_user on notes (user_id, id);
create index notes_by_user_and_created_at on notes (user_id, created_at, id);
create index notes_by_user_and_title on notes (user_id, title, id);
create index notes_by_created_at on notes (created_at, id);
create index notes_by_title on notes (title, id);
