-- A complaint is no bounce: the address works, and the person does not want the mail. It is a second flag beside the
-- bounce flag, raised and cleared on its own, so that mending an address never overrides somebody's wish.

alter table employee
  add column complained_at timestamptz;
update employee set complained_at = flagged_at,
  flag = null, flag_cause = null, flag_text = null, flagged_at = null, flag_incident = null where flag = 'complaint';
alter table employee drop constraint employee_flag_check;
alter table employee add constraint employee_flag_check check (flag in ('soft', 'refused-by-their-system', 'hard'));
update flag_event set flag = 'complained' where flag = 'complaint';
create index employee_complained on employee (org_id, complained_at desc) where complained_at is not null;
grant update (complained_at) on employee to roundtrip_engine;
