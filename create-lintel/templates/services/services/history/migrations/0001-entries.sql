create table entries (
  id uuid primary key,
  note_id uuid not null,
  what text not null check (what in ('created', 'updated')),
  title varchar(200) not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create index entries_by_created_at on entries (created_at, id);
create index entries_by_note on entries (note_id, id);
