-- What came of events, one row each, in the order in which they were handled. Nothing here keeps a row from being written
-- twice: that is what is counted.
create table effects (
  position bigint generated always as identity primary key,
  consumer text not null,
  event_id text not null,
  type text not null,
  aggregate_id text not null
);
