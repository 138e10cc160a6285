-- Contract: no process is left that knows the subject.
drop trigger subject_is_title on tickets;
drop function subject_is_title;
alter table tickets drop column subject;
