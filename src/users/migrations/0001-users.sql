create table users (
  id uuid primary key,
  email varchar(255) not null,
  email_verified_at timestamptz(3),
  email_verified boolean not null generated always as (email_verified_at is not null) stored,
  password_hash text,
  name varchar(255) not null,
  roles jsonb not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
);

create unique index users_email_key on users (lower(email)) where deleted_at is null;
create index users_by_created_at on users (created_at, id) where deleted_at is null;
create index users_by_name on users (name, id) where deleted_at is null;
create index users_by_email on users (email, id) where deleted_at is null;

create view active_users as select * from users where deleted_at is null;

-- The keys that sign access tokens; the newest signs, all that are here verify.
create table signing_keys (
  kid text primary key,
  key jsonb not null,
  created_at timestamptz(3) not null default now()
);
