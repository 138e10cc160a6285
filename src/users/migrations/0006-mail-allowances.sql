-- How many more mails of a purpose an address may get: `full_at` is when it may get all of an hour at once again, and the row
-- says nothing from then on. What strangers ask for an address that nobody has leaves a row too: nobody can tell.
create table mail_allowances (
  id bigint generated always as identity primary key,
  address varchar(255) not null,
  purpose text not null check (purpose in ('verification', 'password')),
  full_at timestamptz not null
);

create unique index mail_allowances_by_address on mail_allowances (lower(address), purpose);
create index mail_allowances_by_full_at on mail_allowances (full_at);
