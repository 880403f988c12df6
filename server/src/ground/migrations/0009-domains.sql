-- Deliveries know the domain they go to, and rounds which domains they have, so that work is claimed per domain:
-- a slow or held domain never stands in the way of the others.

alter table delivery add column domain text not null generated always as (lower(split_part(address, '@', -1))) stored;

-- Deliveries come from one insert-select over employees, under the locked row of their round, and nobody may delete either:
-- checking both keys again for every row took a third of the time of a large launch.
alter table delivery drop constraint delivery_org_id_round_id_fkey;
alter table delivery drop constraint delivery_org_id_employee_id_fkey;

-- Unknowns that wait for their resend, found without looking at everything that waits. The index must not mention "state",
-- or claim and mark would stop being heap-only updates.
create index delivery_retrying on delivery (org_id, round_id, due_at) where settled_at is null and first_tried_at is not null;

drop index delivery_waiting;
create index delivery_waiting on delivery (org_id, round_id, domain, due_at, id) where settled_at is null;

create table round_domain (
  org_id    integer not null,
  round_id  bigint not null,
  domain    text not null,
  people    bigint not null,
  primary key (org_id, round_id, domain),
  foreign key (org_id, round_id) references round
);
insert into round_domain select org_id, round_id, domain, count(*) from delivery group by org_id, round_id, domain;
alter table round_domain enable row level security;
alter table round_domain force row level security;
create policy own_organisation on round_domain to roundtrip_app using (org_id = nullif(current_setting('roundtrip.org_id', true), '')::integer);
create policy all_organisations on round_domain to roundtrip_engine using (true);
do $$ begin
  execute format('create policy owner_of_schema on round_domain to %I using (true)', current_user);
end $$;
grant select, insert on round_domain to roundtrip_app;
grant select, insert, update on round_domain to roundtrip_engine;

-- An address that is put right may lead to a domain the round did not have.
create function add_round_domain() returns trigger language plpgsql as $$
begin
  insert into round_domain (org_id, round_id, domain, people) values (new.org_id, new.round_id, new.domain, 1) on conflict do nothing;
  return null;
end $$;
create trigger delivery_domain_moved after update of address on delivery
  for each row when (old.domain is distinct from new.domain) execute function add_round_domain();
