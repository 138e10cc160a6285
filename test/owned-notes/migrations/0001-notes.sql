create table notes (
  id uuid primary key,
  owner_id varchar(255) not null,
  text text not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create index notes_by_owner on notes (owner_id, id);
