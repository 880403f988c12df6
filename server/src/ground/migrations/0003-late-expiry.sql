-- The next server may take a mail and give up on it days later, for a reason that only waiting could mend (a full mailbox):
-- such a delivery was accepted, or even reported as delivered, and ends as expired. Refusing that step left the notice unsettled.
create or replace function refuse_illegal_transition() returns trigger language plpgsql as $$
begin
  if (case old.state
    when 'queued'     then new.state in ('claimed', 'held', 'bounced', 'suppressed', 'cancelled', 'expired', 'accepted', 'delivered', 'complained')
    when 'held'       then new.state in ('queued', 'bounced', 'suppressed', 'cancelled', 'expired', 'accepted', 'delivered', 'complained')
    when 'claimed'    then new.state in ('queued', 'submitting', 'held', 'bounced', 'expired', 'suppressed', 'cancelled', 'delivered', 'complained', 'accepted')
    when 'submitting' then new.state in ('accepted', 'queued', 'bounced', 'expired', 'unknown', 'held', 'suppressed', 'cancelled', 'delivered', 'complained')
    when 'unknown'    then new.state in ('accepted', 'delivered', 'bounced', 'complained', 'queued', 'held', 'expired', 'suppressed', 'cancelled')
    when 'accepted'   then new.state in ('delivered', 'bounced', 'expired', 'complained')
    when 'delivered'  then new.state in ('bounced', 'expired', 'complained')
    when 'bounced'    then new.state in ('queued', 'complained')
    when 'expired'    then new.state in ('queued', 'accepted', 'delivered', 'bounced', 'complained')
    when 'suppressed' then new.state in ('queued', 'accepted', 'delivered', 'bounced', 'complained')
    else false
  end) then
    return new;
  end if;
  raise exception 'delivery % cannot go from % to %', old.id, old.state, new.state using errcode = 'check_violation';
end $$;
