-- Networks (/24, /64) from which an account has signed in lately: they have an account bucket of their own, so that strangers
-- who try passwords do not lock the owner out.
create table familiar_networks (
  id bigint generated always as identity primary key,
  user_id uuid not null references users on delete cascade,
  network text not null,
  seen_at timestamptz(3) not null default now(),
  unique (user_id, network)
);

create index familiar_networks_by_seen_at on familiar_networks (seen_at);

-- A later link of the same purpose no longer takes the place of an earlier one.
alter table mail_tokens drop constraint mail_tokens_user_id_purpose_key;
create index mail_tokens_by_user on mail_tokens (user_id);

-- Mails that were refused for good, or given up after hours: for the operator to see, for 30 days.
create table undelivered_mails (
  id bigint generated always as identity primary key,
  address varchar(255) not null,
  kind text not null,
  attempts integer not null,
  reason text not null,
  created_at timestamptz(3) not null default now()
);

create unique index undelivered_mails_by_address on undelivered_mails (lower(address), kind);
create index undelivered_mails_by_created_at on undelivered_mails (created_at);

-- False: the admin who made the user said that they get no mail for it.
alter table users add column invited boolean not null default true;
create or replace view active_users as select * from users where deleted_at is null;

-- One address, one spelling (NFKC): what was kept before in another would never be found again. Where another user has the
-- address in that spelling, it stays as it is. No event tells of it: to those who keep a copy it is the same address.
update users u set email = normalize(email, NFKC)
where deleted_at is null and email is not NFKC normalized and not exists (
  select from users other where other.id <> u.id and other.deleted_at is null
    and lower(normalize(other.email, NFKC)) = lower(normalize(u.email, NFKC)));
