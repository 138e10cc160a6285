-- The outbox is the log: rows are appended, read in the order of their positions, and dropped by whole partitions. Nothing is
-- claimed or marked in it any more: who reads keeps a place (docs/decisions/0037-the-outbox-is-the-log.md).
do $$
declare old text := (
  select string_agg(distinct application_name, ', ') from pg_stat_activity
  where datname = current_database() and application_name like 'lintel:%');
begin
  if old is not null then
    raise exception 'processes of the version before are connected (%)', old
      using hint = 'They would look for columns that are gone. Stop all processes of this service, then migrate.';
  end if;
end $$;

-- How far each reader has come, and who reads. It takes its place back to hear something again.
create table lintel.readers (
  reader text primary key,
  position bigint not null default 0,
  -- The event at this position; null at 0. Where another one stands there, the log is not the one that was read.
  event_id uuid,
  holder uuid,
  held_until timestamptz not null default '-infinity'
);
-- Where readers were at what time, to the minute, for `lintel events resend --since`.
create table lintel.reader_marks (
  reader text not null,
  marked_at timestamptz(3) not null default now(),
  position bigint not null,
  event_id uuid not null,
  primary key (reader, marked_at)
);

lock table lintel.outbox in access exclusive mode;
-- In front of the first event that no carrier has: what was published behind it is published again, and passed over.
insert into lintel.readers (reader, position, event_id)
select 'relay', coalesce(max(position), 0), (array_agg(id order by position desc))[1] from lintel.outbox
where position < coalesce((select min(position) from lintel.outbox where published_at is null), 9223372036854775807);

-- What is there becomes the first partition. Partitions end at multiples of 100,000,000 positions, or earlier in time.
alter table lintel.outbox rename to outbox_0;
alter index lintel.outbox_pkey rename to outbox_0_pkey;
alter table lintel.outbox_0
  drop constraint outbox_id_key,
  drop column published_at,
  drop column claimed_until,
  drop column claimed_by;
do $$
declare
  given bigint := coalesce(pg_sequence_last_value('lintel.outbox_position_seq'), 0);
  bound bigint := (given / 100000000 + 1) * 100000000;
begin
  alter table lintel.outbox_0 alter column position drop identity;
  -- A position is given by the table alone, one at a time: how far they have been given is what readers ask.
  create table lintel.outbox (
    position bigint generated always as identity (cache 1 no cycle) primary key,
    id uuid not null,
    type text not null,
    aggregate_id text not null,
    data json not null,
    created_at timestamptz(3) not null default now(),
    headers json
  ) partition by range (position);
  -- Not by START, with which none would count as given.
  if given > 0 then perform setval('lintel.outbox_position_seq', given); end if;
  execute format('alter table lintel.outbox attach partition lintel.outbox_0 for values from (0) to (%s)', bound);
  execute format('create table lintel.outbox_%s partition of lintel.outbox for values from (%1$s) to (%s)',
    bound, bound + 100000000);
end $$;
-- By its own role too, unless it means to.
revoke update, truncate on lintel.outbox from current_user;
