/**
 * Fetches a domain's MTA-STS policy (RFC 8461 §3.3): HTTPS with a valid certificate for `mta-sts.<domain>`, status 200,
 * no redirect, at most 64 KB within a minute, from a public address only. It reads the policy, and keeps nothing.
 */
import { request, type RequestOptions } from "node:https";
import { failed, type Result } from "@roundtrip/mail/result";
import { explainUnfitAddress } from "./address-scope.ts";
import type { DnsClient } from "./dns-client.dns.ts";
import { readStsPolicy, type StsPolicy } from "./sts-policy.ts";

export interface StsFetchRules {
  readonly mayPointInside: boolean;
  /** 443 unless told. */
  readonly port?: number | undefined;
  /** PEM; the authorities of the system unless told. */
  readonly ca?: string | undefined;
  /** One minute unless told (§3.3). */
  readonly timeoutMs?: number | undefined;
}

const SIZE_MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 60_000;
const ADDRESSES_MAX = 2;

/** Never rejects. The error is a sentence. */
export async function fetchStsPolicy(dns: DnsClient, domain: string, rules: StsFetchRules): Promise<Result<StsPolicy>> {
  const host = `mta-sts.${domain}`;
  const signal = AbortSignal.timeout(rules.timeoutMs ?? TIMEOUT_MS);
  let said: Result<StsPolicy> = failed("The host of the policy has no public address");
  for (const address of await findAddresses(dns, host, rules)) {
    const text = await fetchText({ host, address, rules, signal });
    const policy = text.ok ? readStsPolicy(text.value) : text;
    if (policy.ok) return policy;
    said = text.ok ? failed(`The policy ${policy.error}`) : policy;
  }
  return said;
}

async function findAddresses(dns: DnsClient, host: string, rules: StsFetchRules): Promise<readonly string[]> {
  const ipv4 = await dns.ask(host, "A");
  const found = ipv4.kind === "records" ? ipv4 : await dns.ask(host, "AAAA");
  if (found.kind !== "records") return [];
  const isFit = (address: string): boolean => rules.mayPointInside || explainUnfitAddress(address) === null;
  return found.records.filter((address) => isFit(address)).slice(0, ADDRESSES_MAX);
}

interface Fetch {
  readonly host: string;
  readonly address: string;
  readonly rules: StsFetchRules;
  readonly signal: AbortSignal;
}

function fetchText({ host, address, rules, signal }: Fetch): Promise<Result<string>> {
  const options: RequestOptions = {
    host: address,
    port: rules.port ?? 443,
    path: "/.well-known/mta-sts.txt",
    servername: host,
    headers: { host, accept: "text/plain" },
    agent: false,
    rejectUnauthorized: true,
    signal,
    ...(rules.ca === undefined ? {} : { ca: rules.ca }),
  };
  return new Promise((resolve) => {
    const asked = request(options, (answer) => {
      const type = answer.headers["content-type"] ?? "";
      const end = (result: Result<string>): void => {
        resolve(result);
        asked.destroy();
      };
      // Redirects must not be followed: whoever controls the page they lead to would set the policy (§3.3).
      if (answer.statusCode !== 200)
        return end(failed(`The policy was answered with status ${String(answer.statusCode)}`));
      if (!/^text\/plain\b/i.test(type)) return end(failed("The policy is not text/plain"));
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      answer.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes > SIZE_MAX_BYTES) end(failed("The policy is longer than 64 KB"));
      });
      answer.on("end", () => end({ ok: true, value: Buffer.concat(chunks).toString("latin1") }));
      answer.on("error", () => end(failed("The policy broke off")));
    });
    asked.on("error", (error) => resolve(failed(`The policy could not be fetched: ${error.message}`)));
    asked.end();
  });
}
