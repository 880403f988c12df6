-- What receivers report about mail that claims to be ours (DMARC), and senders about reaching us (TLS).

create table report (
  org_id       integer not null references organisation,
  id           bigint generated always as identity,
  kind         text not null check (kind in ('dmarc-report', 'dmarc-failure', 'tls-report')),
  -- In the reporter's own words: shown, never believed.
  reporter     text not null,
  reporter_key text not null,
  report_id    text not null,
  domain       text not null,
  policy       text not null default '',
  range_begin  timestamptz,
  range_end    timestamptz,
  day          date not null,
  -- One word for the mail system that reports, the same as for the servers we send to.
  receiver     text not null,
  messages     bigint not null,
  passed       bigint not null,
  sources      integer not null,
  bad_records  integer not null default 0,
  incomplete   boolean not null default false,
  flags        text[] not null default '{}',
  source       text not null check (source in ('mail', 'upload')),
  inbound_id   bigint,
  received_at  timestamptz not null,
  primary key (org_id, id),
  -- A report that comes again is the same report.
  unique (org_id, kind, reporter_key, report_id, domain)
);
create index report_day on report (org_id, day);

create table report_source (
  org_id      integer not null,
  report      bigint not null,
  day         date not null,
  ip          inet not null,
  messages    bigint not null,
  passed      bigint not null,
  dkim_passed bigint not null,
  spf_passed  bigint not null,
  quarantined bigint not null,
  rejected    bigint not null,
  forwarded   bigint not null,
  origin      text not null check (origin in ('ours', 'ses', 'authorised', 'forwarder', 'unknown')),
  envelope_from text not null default '',
  primary key (org_id, report, ip, day),
  foreign key (org_id, report) references report
);
create index report_source_day on report_source (org_id, day);

create table report_tls (
  org_id   integer not null,
  report   bigint not null,
  position integer not null,
  policy   text not null,
  domain   text not null,
  -- Empty: the sums of a policy. Else one kind of failure.
  result   text not null,
  host     text not null,
  sessions bigint not null,
  failed   bigint not null,
  reason   text not null,
  primary key (org_id, report, position),
  foreign key (org_id, report) references report
);

-- Our own mails that the reporting receiver took in the time of the report.
create table report_round (
  org_id   integer not null,
  report   bigint not null,
  round_id bigint not null,
  mails    bigint not null,
  primary key (org_id, report, round_id),
  foreign key (org_id, report) references report,
  foreign key (org_id, round_id) references round
);

do $$
declare t text;
begin
  foreach t in array array['report', 'report_source', 'report_tls', 'report_round'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_organisation on %I to roundtrip_app using (org_id = nullif(current_setting(''roundtrip.org_id'', true), '''')::integer)', t);
    execute format('create policy all_organisations on %I to roundtrip_engine using (true)', t);
    execute format('create policy owner_of_schema on %I to %I using (true)', t, current_user);
    execute format('grant select on %I to roundtrip_app', t);
    execute format('grant select, insert, delete on %I to roundtrip_engine', t);
  end loop;
end $$;
-- Locking a report while a better copy takes its place.
grant update (incomplete) on report to roundtrip_engine;
