create table receipts (
  id uuid primary key,
  customer varchar(100) not null,
  lines json not null,
  total numeric(16, 2) not null,
  currency char(3) not null,
  version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);
