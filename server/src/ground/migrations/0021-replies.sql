-- Replies in threads, their attachments, whether they are from whom they claim, and what was answered.

-- An answer is a delivery of a round of its own kind, one per organisation: claimed, marked and settled like any mail.
alter table round drop constraint round_kind_check;
alter table round add constraint round_kind_check check (kind in ('test', 'live', 'answer'));
create unique index round_of_answers on round (org_id) where kind = 'answer';

-- The tray shows what it can say of a mail, and the reply's verdict needs the name the other side said hello with.
alter table inbound_mail add column helo text, add column from_text text, add column subject text;
-- One return path takes only so many mails a day.
create index inbound_of_delivery on inbound_mail (org_id, token_delivery, received_at) where token_delivery is not null;

alter table reply
  add column from_address text not null default '',
  add column message_id text,
  add column reference_ids text[] not null default '{}',
  -- The round of the thread; null where nobody knows.
  add column round_id bigint,
  add column matched_by text not null default 'nobody' check (matched_by in ('token', 'address', 'nobody')),
  -- What SPF, DKIM and DMARC say; null until it has been looked at.
  add column verdict jsonb;
update reply r set matched_by = case when delivery_id is not null then 'token' when employee_id is not null then 'address' else 'nobody' end,
  round_id = (select d.round_id from delivery d where d.org_id = r.org_id and d.id = r.delivery_id);
create index reply_sender on reply (org_id, from_address, at);
create index reply_thread on reply (org_id, employee_id, round_id, at) where not automatic;

-- Bytes that a stranger sent. They are handed out as a download of no type, and never opened here.
create table reply_attachment (
  org_id    integer not null,
  reply_id  bigint not null,
  position  smallint not null,
  file_name text not null,
  -- As the mail calls it: shown, never believed.
  said_type text not null,
  content   bytea not null,
  primary key (org_id, reply_id, position),
  foreign key (org_id, reply_id) references reply
);

create table answer (
  org_id      integer not null,
  id          bigint generated always as identity,
  reply_id    bigint not null,
  delivery_id bigint not null,
  text        text not null,
  at          timestamptz not null,
  primary key (org_id, id),
  foreign key (org_id, reply_id) references reply,
  foreign key (org_id, delivery_id) references delivery,
  unique (org_id, delivery_id)
);
-- Pressing the button twice says it once.
create unique index answer_once on answer (org_id, reply_id, md5(text));

do $$
declare t text;
begin
  foreach t in array array['reply_attachment', 'answer'] loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy own_organisation on %I to roundtrip_app using (org_id = nullif(current_setting(''roundtrip.org_id'', true), '''')::integer)', t);
    execute format('create policy all_organisations on %I to roundtrip_engine using (true)', t);
    execute format('create policy owner_of_schema on %I to %I using (true)', t, current_user);
  end loop;
end $$;
grant select on reply_attachment to roundtrip_app;
grant select, insert on answer to roundtrip_app;
grant select, insert on reply_attachment to roundtrip_engine;
grant select on answer to roundtrip_engine;
grant select, update (verdict) on reply to roundtrip_engine;
grant update on round_domain to roundtrip_app;
