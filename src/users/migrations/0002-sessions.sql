-- A session is a family of refresh tokens, of which one is live; only hashes are kept.
create table sessions (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  token_hash varchar(255) not null unique,
  previous_hash varchar(255),
  rotated_at timestamptz(3),
  expires_at timestamptz(3) not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create index sessions_by_user on sessions (user_id, id);
create index sessions_by_user_created_at on sessions (user_id, created_at, id);
create index sessions_by_expires_at on sessions (expires_at);

-- Whoever shows one of these again ends its family.
create table spent_tokens (
  token_hash varchar(255) primary key,
  session_id uuid not null references sessions on delete cascade,
  spent_at timestamptz(3) not null default now()
);

create index spent_tokens_by_session on spent_tokens (session_id);
create index spent_tokens_by_spent_at on spent_tokens (spent_at);

-- What access tokens must no longer be believed: those of a session that ended, or of a user whose roles are others now.
-- Needed for as long as such a token may live.
create table revocations (
  id bigint generated always as identity primary key,
  session_id uuid,
  user_id uuid,
  roles jsonb,
  created_at timestamptz(3) not null default now()
);

create index revocations_by_created_at on revocations (created_at);

-- The next refresh token of a family follows from the last, so that a lost answer can be given again.
insert into lintel.secrets (name, value)
values ('refresh', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));
