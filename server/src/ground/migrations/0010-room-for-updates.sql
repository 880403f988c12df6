-- A mail's row is rewritten by claim, mark and outcome. Claims take many rows of a page at once, so half of each page is
-- kept free: the new versions then stay on the page of the old ones, and no index has to learn of them.
alter table delivery set (fillfactor = 45);
