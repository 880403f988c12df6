/**
 * Reads what a domain says about TLS to its mail servers (MTA-STS, RFC 8461 §3): the TXT record that announces a policy,
 * the policy itself, and whether a host is among those it names. Lenient towards unknown fields, exact in the rest (§3.2).
 * It fetches nothing; sts-policies.dns.ts decides what holds when.
 */
import { failed, ok, type Result } from "@roundtrip/mail/result";

export interface StsPolicy {
  readonly mode: "enforce" | "testing" | "none";
  /** Lower case; `*.example.com` stands for exactly one label more. */
  readonly mx: readonly string[];
  readonly maxAgeSeconds: number;
}

/** RFC 8461 §3.2: about a year. */
const MAX_AGE_MAX_SECONDS = 31_557_600;
const MX_MAX = 100;

/** The id of the policy that is announced; null where none is, or more than one (§3.1). */
export function readStsRecord(texts: readonly string[]): string | null {
  const records = texts.filter((text) => /^v=STSv1[ \t]*;/.test(text));
  const [record] = records;
  if (record === undefined || records.length > 1) return null;
  const ids = record
    .split(";")
    .flatMap((field) => /^[ \t]*id[ \t]*=[ \t]*([a-z0-9]{1,32})[ \t]*$/i.exec(field)?.[1] ?? []);
  return ids[0] ?? null;
}

/** Of a field that comes twice the first counts, apart from `mx` (§3.2). The error is the end of a sentence about the policy. */
export function readStsPolicy(text: string): Result<StsPolicy> {
  const fields = text.split(/\r?\n/).flatMap((line) => readField(line));
  const first = (name: string): string | undefined => fields.find((field) => field.name === name)?.value;
  if (first("version") !== "STSv1") return failed("does not say version: STSv1");
  const mode = first("mode");
  if (mode !== "enforce" && mode !== "testing" && mode !== "none") return failed("names no mode that is known");
  const maxAge = first("max_age") ?? "";
  if (!/^\d{1,10}$/.test(maxAge)) return failed("does not say how long it holds (max_age)");
  const mx = fields.filter(({ name }) => name === "mx").map(({ value }) => value.toLowerCase());
  if (mx.length > MX_MAX) return failed(`names more than ${String(MX_MAX)} mail hosts`);
  if (!mx.every((pattern) => isPattern(pattern))) return failed("names a mail host that is none");
  if (mx.length === 0 && mode !== "none") return failed("names no mail host");
  return ok({ mode, mx, maxAgeSeconds: Math.min(Number(maxAge), MAX_AGE_MAX_SECONDS) });
}

/** RFC 8461 §4.1: a wildcard stands for the left-most label alone. */
export function isStsHost(policy: StsPolicy, hostName: string): boolean {
  const afterFirstLabel = hostName.slice(hostName.indexOf(".") + 1);
  return policy.mx.some((pattern) =>
    pattern.startsWith("*.") ? pattern.slice(2) === afterFirstLabel && hostName.includes(".") : pattern === hostName,
  );
}

function readField(line: string): { readonly name: string; readonly value: string }[] {
  const [, name, value] = /^([a-z0-9][a-z0-9_.-]{0,31}):[ \t]*(.*?)[ \t]*$/i.exec(line) ?? [];
  return name === undefined || value === undefined ? [] : [{ name: name.toLowerCase(), value }];
}

function isPattern(text: string): boolean {
  return text.length <= 253 && /^(?:\*\.)?(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/.test(text);
}
