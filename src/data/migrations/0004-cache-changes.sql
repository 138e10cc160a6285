-- Tags of cached answers that a transaction has changed while Redis could not be told: whoever reaches Redis drops them there,
-- and deletes the row (R-CACHE-2).
create table lintel.cache_changes (
  id bigint generated always as identity primary key,
  tag text not null
);
