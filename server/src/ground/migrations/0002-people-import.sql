-- The plan of an import, row by row, from the check until it is applied or discarded. Rejected rows stay with their import.
create table people_import_row (
  org_id      integer not null,
  import_id   bigint not null,
  -- The line of the file on which the row begins; its header is line 1.
  line        integer not null,
  verdict     text not null check (verdict in ('new', 'changed', 'unchanged', 'rejected')),
  email_key   text,
  employee_id bigint,
  -- The employee as the check saw it: an import is applied to no other state.
  version     text,
  -- new, changed: the person as it will be.
  person      jsonb,
  -- rejected: why, and the cells as they stood in the file.
  column_name text,
  reason      text,
  cells       jsonb,
  primary key (org_id, import_id, line),
  foreign key (org_id, import_id) references people_import,
  constraint import_row_shape check (case verdict
    when 'rejected'  then reason is not null and cells is not null and person is null
    when 'new'       then person is not null and employee_id is null
    when 'changed'   then person is not null and employee_id is not null and version is not null
    when 'unchanged' then person is null and employee_id is not null and version is not null
  end)
);
-- Everything an import could write, in one value to compare.
create function employee_version(e employee) returns text language sql stable
  return md5(row(e.employee_no, e.email, e.name, e.language, e.attributes, e.active, e.starts_on)::text);

alter table people_import_row enable row level security;
alter table people_import_row force row level security;
create policy own_organisation on people_import_row to roundtrip_app
  using (org_id = nullif(current_setting('roundtrip.org_id', true), '')::integer);
create policy all_organisations on people_import_row to roundtrip_engine using (true);
do $$ begin
  execute format('create policy owner_of_schema on people_import_row to %I using (true)', current_user);
end $$;
grant select, insert, delete on people_import_row to roundtrip_app;

-- A check keeps its look-up of repeated rows in a temporary table. Everybody may make one unless that was taken away.
do $$ begin
  execute format('grant temporary on database %I to roundtrip_app', current_database());
exception when insufficient_privilege then null; end $$;

create index people_import_open on people_import (org_id, created_at) where state = 'checked';
