-- Mail that waits because none of our addresses may carry it now: still queued, no failed try, and it says why.
-- No index mentions the column, so claim, which clears it, stays a heap-only update.
alter table delivery add column waits_because text check (waits_because in ('warming-up', 'no-address'));
