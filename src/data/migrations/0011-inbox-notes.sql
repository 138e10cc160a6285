-- Of an event that is handled as it arrives the inbox notes that it is done, and nothing of what it said
-- (docs/decisions/0050-many-events-in-one-transaction.md).
alter table lintel.inbox
  alter column type drop not null,
  alter column aggregate_id drop not null,
  alter column occurred_at drop not null;
