-- What goes with an event besides its data, as its service's outbox has it. Null for events from before.
alter table messages add column headers json;
