/**
 * The inbound journey on one screen: what the three steps are and what each promises. Types and the one decision only;
 * the steps that touch the world stand beside it.
 *
 *   receive (receiver.smtp.ts)      takes mail for our tokens and the reply address; 250 after the raw bytes are committed
 *      │  job settle-inbound, added in the same transaction
 *   recognise (recognise.worker.ts) reads the bytes in a thread with limits: what kind of mail, about whom, why
 *      │
 *   settle (settle-inbound.store.ts) token → delivery, event → outcome/, state and effects in one transaction
 */
import type { Recognised } from "./recognise/recognised.ts";

/** Reads one mail's bytes; never throws for bad mail (kind `unreadable` says why). */
export type Recognise = (raw: Buffer) => Promise<Recognised>;

/** The job's whole work, given its parts: read, recognise, settle. Running it again for the same mail changes nothing. */
export async function settleOne<Mail extends { readonly raw: Buffer }>(steps: {
  readonly read: () => Promise<Mail | null>;
  readonly recognise: Recognise;
  readonly settle: (mail: Mail, recognised: Recognised) => Promise<void>;
}): Promise<void> {
  const mail = await steps.read();
  if (!mail) return;
  await steps.settle(mail, await steps.recognise(mail.raw));
}
