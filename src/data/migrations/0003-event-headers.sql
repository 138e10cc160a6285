-- What goes with an event besides its data: the request that caused it, its trace, and who asked. Null where it is not known:
-- events from before, and rows that something else than a unit of work has written.
alter table lintel.outbox add column headers json;
alter table lintel.inbox add column headers json;
