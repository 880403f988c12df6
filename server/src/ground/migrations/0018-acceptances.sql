-- Nearly every mail is accepted at its first try, and all that there is to say of that try already stands in its delivery:
-- when, and the other side's words. Only the two ends of the connection are missing, and thousands of mails share those.
-- So an accepted mail has no attempt of its own until something happens to it later.

create table peer (
  org_id   integer not null references organisation,
  id       bigint generated always as identity,
  host     text not null,
  ip       text,
  local_ip text,
  tls      text,
  primary key (org_id, id),
  unique nulls not distinct (org_id, host, ip, local_ip, tls)
);
alter table peer enable row level security;
alter table peer force row level security;
create policy own_organisation on peer to roundtrip_app using (org_id = nullif(current_setting('roundtrip.org_id', true), '')::integer);
create policy all_organisations on peer to roundtrip_engine using (true);
do $$ begin
  execute format('create policy owner_of_schema on peer to %I using (true)', current_user);
end $$;
grant select on peer to roundtrip_app;
grant select, insert on peer to roundtrip_engine;

-- Set with the acceptance; mail that was accepted before this column existed has its attempt.
alter table delivery add column peer_id bigint;

-- The acceptance as an attempt, for whoever asks.
create view accepted_attempt with (security_invoker = true) as
  select d.org_id, d.id as delivery_id, d.generation, d.fence, d.settled_at as at, 'accepted' as result, 'body' as step,
    d.last_code as code, d.last_enhanced as enhanced, coalesce(d.last_text, '') as text, null::text as cause, null::text as rule,
    p.host as remote_host, p.ip as remote_ip, p.local_ip, p.tls, 'attempt' as source, 0::bigint as inbound_id
  from delivery d join peer p on p.org_id = d.org_id and p.id = d.peer_id
  where d.state = 'accepted';
create view every_attempt with (security_invoker = true) as
  select * from attempt union all select * from accepted_attempt;
grant select on accepted_attempt, every_attempt to roundtrip_app, roundtrip_engine;

-- Before a later word takes the place of the server's, the acceptance is written down as the attempt it was.
create function keep_acceptance() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into attempt (org_id, delivery_id, generation, fence, at, result, step, code, enhanced, text, remote_host, remote_ip, local_ip, tls)
  select org_id, delivery_id, generation, fence, at, result, step, code, enhanced, text, remote_host, remote_ip, local_ip, tls
  from accepted_attempt a where a.org_id = old.org_id and a.delivery_id = old.id
  on conflict do nothing;
  return new;
end $$;
create trigger delivery_acceptance before update of state on delivery
  for each row when (old.state = 'accepted' and new.state <> 'accepted' and old.peer_id is not null) execute function keep_acceptance();
