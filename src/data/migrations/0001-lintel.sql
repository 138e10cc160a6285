-- What Lintel keeps in every service's database, in a schema of its own.

-- Events on their way out, written in the transaction of the change (R-EVT-2).
create table lintel.outbox (
  position bigint generated always as identity primary key,
  id uuid not null unique,
  type text not null,
  aggregate_id text not null,
  data json not null,
  created_at timestamptz(3) not null default now(),
  published_at timestamptz(3)
);
create index outbox_unpublished on lintel.outbox (position) where published_at is null;

-- First answers of requests with an Idempotency-Key (R-IDEM-1). `key` is a hash of caller, operation and key.
create table lintel.idempotency_keys (
  key bytea primary key,
  body_hash bytea not null,
  status smallint not null,
  headers json not null,
  body text,
  created_at timestamptz(3) not null default now()
);
create index idempotency_keys_created_at on lintel.idempotency_keys (created_at);

-- Secrets that every replica of the service shares, such as the one that signs cursors.
create table lintel.secrets (
  name text primary key,
  value text not null
);
insert into lintel.secrets (name, value)
values ('cursor', replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''));

-- `ord_01h455vb4pex5vsknk084sn02q` of a prefix and a uuid: the TypeID that the API shows.
create function lintel.typeid(prefix text, id uuid) returns text
language sql immutable strict parallel safe
return (
  select prefix || '_' || string_agg(
    substr('0123456789abcdefghjkmnpqrstvwxyz', substring(bits from i * 5 + 1 for 5)::bit(5)::int + 1, 1), '' order by i)
  from (select B'00' || ('x' || replace(id::text, '-', ''))::bit(128) as bits) b, generate_series(0, 25) i
);

-- The uuid inside a TypeID, whatever its prefix: `where id = lintel.uuid('ord_01h455vb4pex5vsknk084sn02q')`.
create function lintel.uuid(typeid text) returns uuid
language sql immutable strict parallel safe
return (
  select (
    lpad(to_hex(substring(bits from 3 for 64)::bit(64)::bigint), 16, '0') ||
    lpad(to_hex(substring(bits from 67 for 64)::bit(64)::bigint), 16, '0')
  )::uuid
  from (
    select string_agg((strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(right(typeid, 26), i, 1)) - 1)::bit(5)::text, '' order by i)::bit(130) as bits
    from generate_series(1, 26) i
  ) b
);
