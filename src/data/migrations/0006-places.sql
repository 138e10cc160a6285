-- Without a broker a consumer reads the outbox of the service that publishes: how far it has come, and the event that stands there
-- (docs/decisions/0040-consumers-read-the-feed.md). Null where it has read nothing yet: it begins with events from `read_since` on, and
-- the inbox passes over those that it knows.
alter table lintel.receivers
  add column position bigint,
  add column event_id uuid,
  add column read_since timestamptz(3);
