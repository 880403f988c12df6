-- Which installation this database belongs to, and where it lived when that was last certain. A dump that is restored
-- elsewhere, a copied database or a recovery to an earlier moment brings this row along, but not the place: then nothing
-- is sent until somebody has looked (docs/decisions/0014).
create table instance (
  only_one          boolean primary key default true check (only_one),
  id                uuid not null default gen_random_uuid(),
  -- As ROUNDTRIP_INSTANCE calls it.
  name              text,
  -- Of the cluster; null where the server does not tell.
  system_identifier text,
  database_oid      bigint not null,
  -- Grows with every promotion and every recovery to a point in time.
  timeline          integer,
  -- Counts up while nodes run; who remembers a higher one knows that this database has gone back in time.
  beat              bigint not null default 0,
  made_at           timestamptz not null default clock_timestamp(),
  latched_at        timestamptz,
  latched_because   text[],
  confirmed_at      timestamptz
);
grant select on instance to roundtrip_app;
grant select, insert, update on instance to roundtrip_engine;
