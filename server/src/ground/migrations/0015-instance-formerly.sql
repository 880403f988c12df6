-- A confirmed copy is an installation of its own: it gets a new id, so that nobody takes its data directories for those of
-- the original. Nodes that still remember the old id are known by it.
alter table instance add column formerly uuid;
