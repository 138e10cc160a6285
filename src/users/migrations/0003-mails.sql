-- Mails that are to go out: to whom and what for. Their text is written when they are sent, for the link in it is a
-- secret, and of those only hashes are kept. What strangers ask for an address that nobody has leaves a row too.
create table mails (
  id bigint generated always as identity primary key,
  address varchar(255) not null,
  kind text not null check (kind in ('verification', 'reset', 'invitation')),
  attempts integer not null default 0,
  due_at timestamptz not null default now(),
  created_at timestamptz(3) not null default now()
);

-- Of mails that make each other's links void only the last is sent.
create unique index mails_by_address on mails (lower(address), (kind = 'verification'));
create index mails_by_due_at on mails (due_at);

-- Whoever shows one of these reads the mail of `email`. A user has one of each purpose: a new one takes the place of the old.
create table mail_tokens (
  token_hash varchar(255) primary key,
  user_id uuid not null references users on delete cascade,
  purpose text not null check (purpose in ('verification', 'password')),
  email varchar(255) not null,
  expires_at timestamptz(3) not null,
  created_at timestamptz(3) not null default now(),
  unique (user_id, purpose)
);

create index mail_tokens_by_expires_at on mail_tokens (expires_at);
