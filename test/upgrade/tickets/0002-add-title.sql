-- Expand: what one build writes as subject and the other as title is both.
alter table tickets add column title varchar(80) not null default '';
alter table tickets alter column subject set default '';

create function subject_is_title() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.title = '' then new.title := new.subject; else new.subject := new.title; end if;
  elsif new.title is distinct from old.title then
    new.subject := new.title;
  else
    new.title := new.subject;
  end if;
  return new;
end $$;
create trigger subject_is_title before insert or update on tickets for each row execute function subject_is_title();

update tickets set title = subject;
