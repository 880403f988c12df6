-- How long one mail keeps a connection of the lane busy, as the senders measured it lately; null: not known yet. The
-- forecast of a round counts with it.
alter table lane add column seconds_per_mail double precision check (seconds_per_mail > 0);
