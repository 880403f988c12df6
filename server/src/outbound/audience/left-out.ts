/** Who is left out of a round, and why: one rule, used when a round is enqueued and again when each mail is claimed. */
import type { SuppressedBecause } from "../../outcome/delivery.ts";

/** SQL that yields why the employee `e` gets no mail at the instant `now`, or null. Text for a statement, never with outside values in it. */
export function leftOutBecause(e: string, now: string): string {
  return `case
    when ${e}.flag <> 'soft' then 'flagged'
    when ${e}.complained_at is not null then 'complained'
    when not ${e}.active then 'inactive'
    when ${e}.opted_out_at is not null then 'opted-out'
    when ${e}.starts_on > (${now})::date then 'not-started'
  end`;
}

/** Why somebody is left out, in words for HR. */
export function explainLeftOut(because: SuppressedBecause): string {
  switch (because) {
    case "flagged":
      return "Earlier mail to this address did not arrive, or was refused. Put the address right or clear the flag to include this person.";
    case "complained":
      return "This person marked survey mail as unwanted. Talk to them before they are included again.";
    case "inactive":
      return "This person is marked as not active.";
    case "opted-out":
      return "This person asked to receive no more survey mail.";
    case "not-started":
      return "This person has not started work yet.";
    case "round-closed":
      return "The round closed before a mail was tried.";
  }
}
