-- Mails that are to go out are jobs now: those that wait go on as such, with the attempts that they have had.
lock table mails in access exclusive mode;
insert into lintel.work (id, job, key, data, created_at, due_at, attempts)
select gen_random_uuid(), 'sendMail',
  (case when kind = 'verification' then 'verification' else 'password' end) || ' ' || lower(address),
  json_build_object('address', address, 'kind', kind), created_at, due_at, attempts
from mails;
drop table mails;
