-- What keeps sending within limits: lanes with their pace, our own addresses, and how much each has been used.
-- Lanes and addresses' use are shared by all organisations: only the engine touches them, and neither names anybody.

create table lane (
  key          text primary key,
  provider     text not null,
  -- Mails a second; null is no limit.
  per_second   double precision check (per_second > 0),
  connections  integer not null check (connections > 0),
  paused_until timestamptz,
  because      text,
  failures     integer not null default 0,
  slowed_at    timestamptz,
  grows_at     timestamptz,
  -- The last instant, by this server's clock, that was given to a mail.
  last_slot_at timestamptz not null default '-infinity'
) with (fillfactor = 50);

grant select, insert, update on lane to roundtrip_engine;

-- The addresses our own mail leaves from. Without an organisation: shared by those that have none of their own.
create table sending_address (
  address    inet primary key check (masklen(address) = case family(address) when 4 then 32 else 128 end),
  org_id     integer references organisation,
  helo_name  text not null,
  state      text not null check (state in ('planned', 'warming', 'active', 'retiring')),
  -- When the state began, or for a planned one will end.
  since      timestamptz not null
);

alter table sending_address enable row level security;
alter table sending_address force row level security;
create policy own_organisation on sending_address to roundtrip_app using (
  org_id = nullif(current_setting('roundtrip.org_id', true), '')::integer
  or (org_id is null and nullif(current_setting('roundtrip.org_id', true), '') is not null)
);
create policy all_organisations on sending_address to roundtrip_engine using (true);
do $$ begin
  execute format('create policy owner_of_schema on sending_address to %I using (true)', current_user);
end $$;
grant select on sending_address to roundtrip_app, roundtrip_engine;

-- Whether mail may leave by a shared address while the organisation's own ones are still warming up. IT departments let
-- mail in by address, so nobody gets this without asking for it.
alter table organisation add column may_overflow boolean not null default false;

create table address_use (
  address  inet not null,
  provider text not null,
  -- A day of UTC.
  day      date not null,
  sent     integer not null check (sent >= 0),
  primary key (address, provider, day)
) with (fillfactor = 50);

grant select, insert, update on address_use to roundtrip_engine;
