-- How far `lintel events backfill` has come: rows that were made before there was an event of a type.
create table lintel.backfills (
  type text primary key,
  -- Rows that were made later had their event when they were made, unless a build made them that knew nothing of it.
  made_before timestamptz(3) not null,
  -- Of the last row that was made before and has its event, and of the last that was made later; null before the first.
  last_id uuid,
  later_id uuid,
  emitted bigint not null default 0,
  done_at timestamptz(3)
);
