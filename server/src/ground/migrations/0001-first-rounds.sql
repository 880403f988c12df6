-- Organisations, people, rounds, deliveries and what comes back.
-- Every table with org_id leads its keys with it and carries row-level security. Two roles besides the owner:
-- roundtrip_app sees one organisation at a time (roundtrip.org_id), roundtrip_engine moves mail for all of them.

do $$ begin
  create role roundtrip_app nologin;
exception when duplicate_object or unique_violation then null; end $$;
do $$ begin
  create role roundtrip_engine nologin;
exception when duplicate_object or unique_violation then null; end $$;
do $$ begin
  execute format('grant roundtrip_app, roundtrip_engine to %I', current_user);
exception when others then null; end $$;

create table organisation (
  org_id      integer generated always as identity primary key,
  name        text not null,
  from_local  text not null,
  reply_local text not null,
  created_at  timestamptz not null default now()
);

create table sending_domain (
  org_id         integer not null references organisation,
  domain         text not null,
  selector       text not null,
  key_algorithm  text not null check (key_algorithm in ('rsa', 'ed25519')),
  sealed_key     bytea not null,
  public_record  text not null,
  created_at     timestamptz not null default now(),
  primary key (org_id, domain, selector)
);

create table employee (
  org_id        integer not null references organisation,
  id            bigint generated always as identity,
  employee_no   text,
  email         text not null,
  email_key     text not null,
  name          text not null default '',
  language      text not null default 'en',
  attributes    jsonb not null default '{}',
  active        boolean not null default true,
  starts_on     date,
  opted_out_at  timestamptz,
  -- The bounce flag, as it stands now; its history is in flag_event.
  flag          text check (flag in ('soft', 'refused-by-their-system', 'hard', 'complaint')),
  flag_cause    text,
  flag_text     text,
  flagged_at    timestamptz,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  primary key (org_id, id)
);
create unique index employee_email_key on employee (org_id, email_key);
create unique index employee_number on employee (org_id, employee_no) where employee_no is not null;
create index employee_flagged on employee (org_id, flagged_at desc) where flag is not null;

create table people_import (
  org_id      integer not null references organisation,
  id          bigint generated always as identity,
  file_name   text not null,
  state       text not null check (state in ('checked', 'applied', 'discarded')),
  summary     jsonb not null,
  created_at  timestamptz not null default now(),
  applied_at  timestamptz,
  primary key (org_id, id)
);

create table round (
  org_id           integer not null references organisation,
  id               bigint generated always as identity,
  name             text not null,
  kind             text not null check (kind in ('test', 'live')),
  state            text not null default 'draft' check (state in ('draft', 'launching', 'open', 'paused', 'stopped', 'closed')),
  sender_name      text not null,
  never_send_twice boolean not null default false,
  closes_at        timestamptz not null,
  launched_at      timestamptz,
  -- Employees up to this id are enqueued: a launch killed half-way goes on from here.
  enqueued_through bigint not null default 0,
  enqueued         bigint not null default 0,
  stopped_because  text,
  created_at       timestamptz not null default now(),
  primary key (org_id, id)
);
create index round_sending on round (org_id, id) where state = 'open';

-- What a round says, per kind of mail and language, as HR wrote it.
create table round_message (
  org_id    integer not null,
  round_id  bigint not null,
  kind      text not null default 'invitation',
  language  text not null,
  -- The first one serves whoever speaks none of the languages.
  position  smallint not null,
  source    jsonb not null,
  primary key (org_id, round_id, kind, language),
  foreign key (org_id, round_id) references round
);

-- People a test round goes to; a live round goes to everyone who is not left out.
create table round_tester (
  org_id      integer not null,
  round_id    bigint not null,
  employee_id bigint not null,
  primary key (org_id, round_id, employee_id),
  foreign key (org_id, round_id) references round,
  foreign key (org_id, employee_id) references employee
);

-- One running sender; its lease is what its claims live by.
create table node (
  id           bigint generated always as identity primary key,
  name         text not null,
  started_at   timestamptz not null default clock_timestamp(),
  lease_until  timestamptz not null,
  ended_at     timestamptz
);
create index node_running on node (lease_until) where ended_at is null;

-- One mail to one person in one round. The row is its own queue entry.
create table delivery (
  org_id         integer not null,
  id             bigint generated always as identity,
  round_id       bigint not null,
  employee_id    bigint not null,
  kind           text not null default 'invitation',
  wave           smallint not null default 0,
  state          text not null,
  suppressed_because text,
  address        text not null,
  language       text not null,
  -- The person's values as they were at enqueue, so that a resend is byte-identical.
  slots          jsonb not null default '{}',
  due_at         timestamptz,
  -- Counts from 0; a cleared delivery that goes out anew is the next generation: another mail with another Message-ID.
  generation     smallint not null default 0,
  message_date   timestamptz,
  attempts       smallint not null default 0,
  first_tried_at timestamptz,
  node_id        bigint,
  -- Grows with every claim; an outcome with an older fence changes nothing.
  fence          integer not null default 0,
  possible_duplicate boolean not null default false,
  cause          text,
  last_code      smallint,
  last_enhanced  text,
  last_text      text,
  settled_at     timestamptz,
  created_at     timestamptz not null default now(),
  primary key (org_id, id),
  foreign key (org_id, round_id) references round,
  foreign key (org_id, employee_id) references employee,
  constraint delivery_once unique (org_id, round_id, employee_id, kind, wave),
  constraint delivery_state check (state in ('queued', 'held', 'claimed', 'submitting', 'unknown', 'accepted', 'delivered', 'bounced', 'expired', 'suppressed', 'complained', 'cancelled')),
  constraint delivery_due check (state <> 'queued' or due_at is not null),
  constraint delivery_owner check ((state in ('claimed', 'submitting')) = (node_id is not null)),
  -- Settled: the sending side has nothing more to do. A late notice may still change the state.
  constraint delivery_settled check ((state in ('queued', 'held', 'claimed', 'submitting', 'unknown')) = (settled_at is null))
-- One index serves queue, take-over and unknowns. Claim and submitting mark touch no column of it, so both are
-- heap-only updates; a row leaves it when it is settled. Rows in flight are skipped over, and they are few.
) with (fillfactor = 70);
create index delivery_waiting on delivery (org_id, round_id, due_at, id) where settled_at is null;

-- The table of docs/architecture.md, kept by the database itself: a state can only be left the ways it may be left.
create function refuse_illegal_transition() returns trigger language plpgsql as $$
begin
  if (case old.state
    when 'queued'     then new.state in ('claimed', 'held', 'bounced', 'suppressed', 'cancelled', 'expired', 'accepted', 'delivered', 'complained')
    when 'held'       then new.state in ('queued', 'bounced', 'suppressed', 'cancelled', 'expired', 'accepted', 'delivered', 'complained')
    when 'claimed'    then new.state in ('queued', 'submitting', 'held', 'bounced', 'expired', 'suppressed', 'cancelled', 'delivered', 'complained', 'accepted')
    when 'submitting' then new.state in ('accepted', 'queued', 'bounced', 'expired', 'unknown', 'held', 'suppressed', 'cancelled', 'delivered', 'complained')
    when 'unknown'    then new.state in ('accepted', 'delivered', 'bounced', 'complained', 'queued', 'held', 'expired', 'suppressed', 'cancelled')
    when 'accepted'   then new.state in ('delivered', 'bounced', 'complained')
    when 'delivered'  then new.state in ('bounced', 'complained')
    when 'bounced'    then new.state in ('queued', 'complained')
    when 'expired'    then new.state in ('queued', 'accepted', 'delivered', 'bounced', 'complained')
    when 'suppressed' then new.state in ('queued', 'accepted', 'delivered', 'bounced', 'complained')
    else false
  end) then
    return new;
  end if;
  raise exception 'delivery % cannot go from % to %', old.id, old.state, new.state using errcode = 'check_violation';
end $$;
create trigger delivery_transition before update of state on delivery
  for each row when (old.state is distinct from new.state) execute function refuse_illegal_transition();

-- One try at handing a mail over, and the other side's own words.
create table attempt (
  org_id      integer not null,
  delivery_id bigint not null,
  generation  smallint not null,
  fence       integer not null,
  at          timestamptz not null,
  result      text not null,
  step        text,
  code        smallint,
  enhanced    text,
  text        text not null default '',
  cause       text,
  rule        text,
  remote_host text,
  remote_ip   text,
  local_ip    text,
  tls         text,
  -- Who reported it: us, during the attempt, or a notice that came back later.
  source      text not null default 'attempt' check (source in ('attempt', 'notice')),
  inbound_id  bigint not null default 0,
  -- Writing an outcome again (its commit was not answered) adds nothing.
  primary key (org_id, delivery_id, generation, fence, source, inbound_id)
);

create table flag_event (
  org_id      integer not null,
  id          bigint generated always as identity,
  employee_id bigint not null,
  delivery_id bigint,
  kind        text not null check (kind in ('raised', 'cleared')),
  flag        text,
  cause       text,
  text        text,
  reason      text,
  at          timestamptz not null,
  primary key (org_id, id),
  foreign key (org_id, employee_id) references employee
);
create index flag_event_person on flag_event (org_id, employee_id, at);

create table alert (
  org_id     integer not null references organisation,
  id         bigint generated always as identity,
  kind       text not null,
  -- One alert per kind and subject: a cause that repeats does not alert again.
  subject    text not null,
  text       text not null,
  at         timestamptz not null,
  seen_at    timestamptz,
  primary key (org_id, id),
  unique (org_id, kind, subject)
);

-- The raw bytes of everything that came in, kept before they are read. org_id is null until we know whose it is.
create table inbound_mail (
  org_id        integer references organisation,
  id            bigint generated always as identity primary key,
  received_at   timestamptz not null,
  envelope_from text not null,
  envelope_to   text not null,
  remote_ip     text,
  digest        bytea not null,
  raw           bytea not null,
  token_delivery bigint,
  token_generation smallint,
  state         text not null default 'received' check (state in ('received', 'settled', 'unmatched', 'unreadable')),
  kind          text,
  note          text,
  settled_at    timestamptz,
  unique (envelope_to, digest)
);
create index inbound_waiting on inbound_mail (id) where state = 'received';
create index inbound_unmatched on inbound_mail (id) where state in ('unmatched', 'unreadable');

create table reply (
  org_id      integer not null references organisation,
  id          bigint generated always as identity,
  inbound_id  bigint not null references inbound_mail,
  employee_id bigint,
  delivery_id bigint,
  automatic   boolean not null default false,
  reason      text,
  from_text   text not null,
  subject     text not null,
  visible_text text not null,
  at          timestamptz not null,
  primary key (org_id, id),
  unique (inbound_id)
);

do $$
declare t text;
begin
  for t in select c.table_name from information_schema.columns c join information_schema.tables b using (table_schema, table_name)
           where c.table_schema = current_schema and c.column_name = 'org_id' and b.table_type = 'BASE TABLE' loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_organisation on %I to roundtrip_app using (org_id = nullif(current_setting(''roundtrip.org_id'', true), '''')::integer)', t);
    execute format('create policy all_organisations on %I to roundtrip_engine using (true)', t);
    -- The owner migrates and repairs; FORCE would otherwise hide every row from it.
    execute format('create policy owner_of_schema on %I to %I using (true)', t, current_user);
  end loop;
end $$;

grant usage on schema public to roundtrip_app, roundtrip_engine;
grant select, insert, update on organisation, sending_domain, employee, people_import, round, round_message, round_tester, delivery, alert to roundtrip_app;
grant delete on round_tester, round_message to roundtrip_app;
grant select, insert on flag_event to roundtrip_app;
grant select on attempt, inbound_mail, reply, node to roundtrip_app;

grant select on organisation, sending_domain, round_message, round_tester to roundtrip_engine;
grant select, insert, update on delivery, node, inbound_mail to roundtrip_engine;
grant select, update on round to roundtrip_engine;
grant select, insert on attempt, flag_event, reply to roundtrip_engine;
grant select, insert, update on alert to roundtrip_engine;
grant select on employee to roundtrip_engine;
grant update (flag, flag_cause, flag_text, flagged_at, opted_out_at, updated_at) on employee to roundtrip_engine;
