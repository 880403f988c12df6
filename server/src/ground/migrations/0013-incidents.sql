-- Brakes: when a domain refuses too much, one incident holds the rest of the round's mail to it. People it has cost a
-- flag are grouped under it, so that one step clears them together.

create table incident (
  org_id       integer not null,
  id           bigint generated always as identity,
  round_id     bigint not null,
  -- Null: the whole round.
  domain       text,
  kind         text not null check (kind in ('many-unknown', 'refused-by-their-system', 'refused-because-of-us')),
  state        text not null default 'open' check (state in ('open', 'continued', 'closed')),
  -- Failures from here on belong to it.
  counted_from timestamptz not null,
  -- The last time it braked; a continued one may brake again.
  opened_at    timestamptz not null,
  continued_at timestamptz,
  closed_at    timestamptz,
  reason       text,
  -- Counts at the moment of braking, and up to five answers word for word.
  evidence     jsonb not null,
  primary key (org_id, id),
  foreign key (org_id, round_id) references round,
  constraint incident_closed check ((state = 'closed') = (closed_at is not null))
);
create unique index incident_alive on incident (org_id, round_id, domain, kind) nulls not distinct where state <> 'closed';

-- A held domain of a round: nothing of it is claimed while this row stands.
create table domain_hold (
  org_id      integer not null,
  round_id    bigint not null,
  domain      text not null,
  incident_id bigint not null,
  since       timestamptz not null,
  primary key (org_id, round_id, domain),
  foreign key (org_id, incident_id) references incident
);

alter table delivery add column held_by bigint;

-- A mail that comes back to the queue of a held domain (put off, given back, cleared) is held by the database itself, so
-- that no writer can forget it. The generated column "domain" is not known yet in this trigger.
create function hold_what_comes_back() returns trigger language plpgsql as $$
declare holder bigint;
begin
  select incident_id into holder from domain_hold h
  where h.org_id = new.org_id and h.round_id = new.round_id and h.domain = lower(substring(new.address from '[^@]+$'));
  if found then
    new.state := 'held';
    new.due_at := null;
    new.held_by := holder;
  end if;
  return new;
end $$;
-- Runs after delivery_transition, by the order of their names: what is cleared may be queued, and is then held.
create trigger delivery_waits_in_hold before update of state on delivery
  for each row when (new.state = 'queued' and old.state is distinct from 'queued') execute function hold_what_comes_back();

-- What failed lately at a domain, what was taken meanwhile, and what notices told. None of them mentions "state", so claim
-- and mark stay heap-only updates.
create index delivery_failed on delivery (org_id, round_id, domain, settled_at) where settled_at is not null and cause is not null;
create index delivery_settled on delivery (org_id, round_id, domain, settled_at) where settled_at is not null;
create index attempt_notice on attempt (org_id, at) where source = 'notice' and cause is not null;

-- The incident that a person's flag belongs to.
alter table employee add column flag_incident bigint;
create index employee_of_incident on employee (org_id, flag_incident) where flag_incident is not null;

alter table flag_event add column incident_id bigint;
alter table flag_event drop constraint flag_event_kind_check;
-- 'kept': an incident was continued and the flag stays.
alter table flag_event add constraint flag_event_kind_check check (kind in ('raised', 'cleared', 'kept'));

-- An alert whose cause is over closes itself.
alter table alert add column closed_at timestamptz;

do $$
declare t text;
begin
  foreach t in array array['incident', 'domain_hold'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_organisation on %I to roundtrip_app using (org_id = nullif(current_setting(''roundtrip.org_id'', true), '''')::integer)', t);
    execute format('create policy all_organisations on %I to roundtrip_engine using (true)', t);
    execute format('create policy owner_of_schema on %I to %I using (true)', t, current_user);
  end loop;
end $$;
grant select, update on incident to roundtrip_app;
grant select, delete on domain_hold to roundtrip_app;
grant select, insert, update on incident to roundtrip_engine;
grant select, insert, delete on domain_hold to roundtrip_engine;
grant update (flag_incident) on employee to roundtrip_engine;
