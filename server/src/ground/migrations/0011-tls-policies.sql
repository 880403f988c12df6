-- MTA-STS policies of the domains we send to (RFC 8461): public knowledge, so they belong to no organisation.

create table tls_policy (
  domain           text primary key,
  policy_id        text not null,
  mode             text not null check (mode in ('enforce', 'testing', 'none')),
  mx               text[] not null,
  max_age_seconds  integer not null check (max_age_seconds >= 0),
  fetched_at       timestamptz not null
);

grant select, insert, update on tls_policy to roundtrip_engine;
