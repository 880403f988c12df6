/** The ledger of a round: how many recipients stand in each state, and the sentence that always sums. */
import { type DeliveryState, deliveryStates } from "./delivery.ts";

export type Ledger = Readonly<Record<DeliveryState, number>>;

export function emptyLedger(): Ledger {
  return Object.fromEntries(deliveryStates.map((state) => [state, 0])) as Record<DeliveryState, number>;
}

export function sumLedger(ledger: Ledger): number {
  return deliveryStates.reduce((sum, state) => sum + ledger[state], 0);
}

/** `1,000 = 930 accepted + 41 bounced + …`, with every state that holds anyone. "Accepted" means by the next server, no more. */
export function explainLedger(ledger: Ledger): string {
  const number = new Intl.NumberFormat("en");
  const terms = deliveryStates
    .filter((state) => ledger[state] > 0)
    .map((state) => `${number.format(ledger[state])} ${state}`);
  return `${number.format(sumLedger(ledger))} = ${terms.length > 0 ? terms.join(" + ") : "0"}`;
}
