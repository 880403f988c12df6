/**
 * Knows which MTA-STS policy holds for a domain now (RFC 8461 §5.1): announced by DNS, fetched by HTTPS, kept in the
 * database until its max_age ends. It promises that an attacker who silences DNS or the policy host cannot lift a policy
 * that was seen before, and that a domain without one costs one DNS question now and then. It judges no server.
 */
import type { Result } from "@roundtrip/mail/result";
import type { Clock } from "../../ground/clock.ts";
import type { DnsClient } from "./dns-client.dns.ts";
import { Remembered } from "./remembered.ts";
import { readStsRecord, type StsPolicy } from "./sts-policy.ts";
import type { KeptStsPolicy } from "./sts-policy.store.ts";

export interface StsPolicies {
  /** Null: none holds. Rejects only where the store does. */
  policyOf(domain: string): Promise<StsPolicy | null>;
}

export interface StsParts {
  readonly dns: DnsClient;
  readonly clock: Clock;
  readonly fetch: (domain: string) => Promise<Result<StsPolicy>>;
  readonly find: (domain: string) => Promise<KeptStsPolicy | null>;
  readonly save: (domain: string, kept: KeptStsPolicy) => Promise<void>;
  /** Something the operator may want to read: a policy that is announced and cannot be had. */
  readonly report: (trouble: { readonly domain: string; readonly text: string }) => void;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** How long an answer is used without a look at DNS, and how long a failed fetch is left alone (§3.3 asks for restraint). */
const LOOK_AGAIN_MS = MINUTE_MS;
const FETCH_AGAIN_MS = 5 * MINUTE_MS;
const DOMAINS_MAX = 20_000;

export function createStsPolicies(parts: StsParts): StsPolicies {
  const known = new Remembered<StsPolicy | null>(DOMAINS_MAX);
  return {
    policyOf: (domain) => known.get(domain, parts.clock.now().getTime(), () => findPolicy(parts, domain)),
  };
}

async function findPolicy(
  { dns, clock, fetch, find, save, report }: StsParts,
  domain: string,
): Promise<{ value: StsPolicy | null; holdsMs: number }> {
  const now = clock.now();
  const [record, kept] = await Promise.all([dns.ask(`_mta-sts.${domain}`, "TXT"), find(domain)]);
  const held = kept && isValid(kept, now) ? kept : null;
  const announced = record.kind === "records" ? readStsRecord(record.records) : null;
  const isUpToDate = held !== null && held.id === announced && !isAgeing(held, now);
  // Without an announcement there is nothing to fetch, but what was promised until max_age stays promised.
  if (announced === null || isUpToDate) return { value: inForce(held), holdsMs: LOOK_AGAIN_MS };
  const fetched = await fetch(domain);
  if (!fetched.ok) {
    report({ domain, text: fetched.error });
    return { value: inForce(held), holdsMs: FETCH_AGAIN_MS };
  }
  const fresh = { id: announced, policy: fetched.value, fetchedAt: now };
  await save(domain, fresh);
  return { value: inForce(fresh), holdsMs: LOOK_AGAIN_MS };
}

function isValid({ policy, fetchedAt }: KeptStsPolicy, now: Date): boolean {
  return now.getTime() < fetchedAt.getTime() + policy.maxAgeSeconds * 1000;
}

/** Fetched again once a day or at half its age, long before it ends (§5.1). */
function isAgeing({ policy, fetchedAt }: KeptStsPolicy, now: Date): boolean {
  return now.getTime() - fetchedAt.getTime() > Math.min(DAY_MS, policy.maxAgeSeconds * 500);
}

function inForce(kept: KeptStsPolicy | null): StsPolicy | null {
  return kept === null || kept.policy.mode === "none" ? null : kept.policy;
}
