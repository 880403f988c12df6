/** Sorts failures for the brakes: is the address to blame, their system, or us? Pure; the flag that a cause raises is the measure. */
import { type Cause, causes, faultOf } from "../cause/cause.ts";
import { providerRules } from "../cause/provider-rules.ts";
import { replyRules, statusRules, stepRules } from "../cause/status-rules.ts";
import { textRules } from "../cause/text-rules.ts";
import { findConsequence } from "../consequence.ts";

export type FailureSort = "unknown" | "refused";

/** Null where a failure is no reason to stop, such as a full mailbox. `permanent` as the remote said it. */
export function sortFailure(cause: Cause, permanent: boolean | null): FailureSort | null {
  const consequence = findConsequence(cause, permanent);
  if (consequence.kind === "retry") return null;
  return consequence.flag === "refused-by-their-system" ? "refused" : "unknown";
}

/** Whether this verdict names us as the reason. The rule knows better than the cause. */
export function blamesUs(cause: Cause, rule: string | null): boolean {
  const fault = (rule === null ? undefined : faultsOfRules.get(rule)) ?? faultOf(cause);
  return fault === "us";
}

const faultsOfRules = new Map(
  [...providerRules, ...textRules, ...statusRules, ...replyRules, ...stepRules].flatMap(({ id, fault }) =>
    fault ? [[id, fault] as const] : [],
  ),
);

/** Causes that name us, as far as a cause alone can tell. */
export const causesBlamingUs: readonly Cause[] = causes.filter((cause) => faultOf(cause) === "us");

/** Causes for which their system refuses for good, be it for reasons of its own or because of us. */
export const refusedCauses: readonly Cause[] = causes.filter((cause) => sortFailure(cause, true) === "refused");
