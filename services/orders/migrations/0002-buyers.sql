-- What this service has heard of users (R-ORD-3): who is gone keeps nothing but the id.
create table buyers (
  id uuid primary key,
  email varchar(255),
  name varchar(255),
  active boolean not null,
  updated_at timestamptz(3) not null default now()
);
