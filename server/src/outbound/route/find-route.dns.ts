/**
 * Finds the servers that take a domain's mail: MX records, or the domain itself where it has none (RFC 5321 §5.1), null MX
 * (RFC 7505), their addresses, and who runs them. It promises an answer for any domain and any DNS, that no address leads
 * to ourselves or into a network that is not public, and bounded lists. It opens no connection.
 */
import { isDnsName } from "./dns-answer.ts";
import type { DnsAnswer, MxRecord } from "./dns-answer.ts";
import type { DnsClient } from "./dns-client.dns.ts";
import { isSameAddress } from "../../ground/ip-address.ts";
import { explainUnfitAddress } from "./address-scope.ts";
import { findProvider } from "./provider.ts";
import type { RouteTrouble } from "./route-trouble.ts";

export interface Destination {
  readonly kind: "destination";
  /** By preference, the best first; those of one preference in any order. */
  readonly hosts: readonly MailHost[];
  readonly provider: string;
  /** The MX records were validated, so that DANE may be asked about their hosts (RFC 7672 §2.2.1). */
  readonly isAuthentic: boolean;
}

export interface MailHost {
  readonly name: string;
  /** The name that has the addresses, after aliases. */
  readonly canonicalName: string;
  readonly preference: number;
  readonly addresses: readonly string[];
  /** The addresses were validated. */
  readonly isAuthentic: boolean;
}

export interface RouteRules {
  /** May mail leave by IPv6? */
  readonly usesIpv6: boolean;
  /** Addresses at which this installation itself receives mail or sends it. */
  readonly ourAddresses: readonly string[];
  /** Only for tests and demo: a domain may point into this machine or its network. */
  readonly mayPointInside: boolean;
}

const HOSTS_MAX = 10;
const ADDRESSES_MAX = 8;

export async function findDestination(
  dns: DnsClient,
  domain: string,
  rules: RouteRules,
): Promise<Destination | RouteTrouble> {
  const mx = await dns.ask(domain, "MX");
  if (mx.kind === "alias-loop") return { kind: "alias-loop" };
  if (mx.kind === "failed") return { kind: "lookup-failed", why: mx.why };
  if (mx.kind !== "records") {
    if (mx.kind === "no-domain") return { kind: "no-domain" };
    const itself = await findHost(dns, { preference: 0, exchange: domain }, rules);
    return settle([itself], mx.isAuthentic, { kind: "no-mail-server" });
  }
  const named = pickHosts(mx.records);
  if (named.length === 0) return { kind: "null-mx" };
  const found = await Promise.all(named.map((record) => findHost(dns, record, rules)));
  return settle(found, mx.isAuthentic, { kind: "no-addresses" });
}

/** What became of one MX record: a host to go to, or why not. */
type Found = { readonly preference: number } & (
  | { readonly kind: "host"; readonly host: MailHost }
  | { readonly kind: "trouble"; readonly trouble: RouteTrouble }
);

/** A null MX beside others is a mistake (RFC 7505 §3), and the others still take mail. The best of too many are enough. */
function pickHosts(records: readonly MxRecord[]): readonly MxRecord[] {
  const byName = new Map<string, MxRecord>();
  for (const record of records.toSorted((left, right) => left.preference - right.preference)) {
    if (record.exchange !== "" && !byName.has(record.exchange)) byName.set(record.exchange, record);
  }
  return [...byName.values()].slice(0, HOSTS_MAX);
}

/**
 * A mail host that is ourselves takes away all that are not better than it (RFC 5321 §5.1), so that mail never runs in
 * circles between two backups. Of several troubles the one that may pass is told, for then nothing is final yet.
 */
function settle(found: readonly Found[], isAuthentic: boolean, nothing: RouteTrouble): Destination | RouteTrouble {
  const us = found.find((each) => each.kind === "trouble" && each.trouble.kind === "points-at-us");
  const better = us ? found.filter(({ preference }) => preference < us.preference) : found;
  const hosts = better.flatMap((each) => (each.kind === "host" ? [each.host] : []));
  if (hosts.length > 0) {
    return { kind: "destination", hosts, provider: findProvider(hosts.map(({ name }) => name)), isAuthentic };
  }
  const troubles = found.flatMap((each) => (each.kind === "trouble" ? [each.trouble] : []));
  const told = TELLING.flatMap((kind) => troubles.find((trouble) => trouble.kind === kind) ?? []);
  return told[0] ?? nothing;
}

const TELLING: readonly RouteTrouble["kind"][] = [
  "lookup-failed",
  "alias-loop",
  "other-family",
  "points-at-us",
  "points-inside",
];

async function findHost(dns: DnsClient, { exchange, preference }: MxRecord, rules: RouteRules): Promise<Found> {
  const trouble = (why: RouteTrouble): Found => ({ kind: "trouble", preference, trouble: why });
  if (!isDnsName(exchange)) return trouble({ kind: "no-addresses" });
  const [ipv4, ipv6] = await Promise.all([dns.ask(exchange, "A"), rules.usesIpv6 ? dns.ask(exchange, "AAAA") : null]);
  const answers: DnsAnswer<"A" | "AAAA">[] = ipv6 ? [ipv4, ipv6] : [ipv4];
  const withRecords = answers.filter((answer) => answer.kind === "records");
  const addresses = withRecords.flatMap(({ records }) => records.slice(0, ADDRESSES_MAX));
  if (addresses.length === 0) return trouble(await explainAbsence(dns, exchange, answers));
  if (addresses.some((address) => rules.ourAddresses.some((ours) => isSameAddress(ours, address))))
    return trouble({ kind: "points-at-us" });
  const fit = addresses.filter((address) => rules.mayPointInside || explainUnfitAddress(address) === null);
  const [unfit = ""] = addresses;
  if (fit.length === 0)
    return trouble({ kind: "points-inside", address: unfit, what: explainUnfitAddress(unfit) ?? "not public" });
  const isAuthentic = withRecords.every((answer) => answer.isAuthentic);
  const canonicalName = withRecords[0]?.name ?? exchange;
  return { kind: "host", preference, host: { name: exchange, canonicalName, preference, addresses: fit, isAuthentic } };
}

async function explainAbsence(
  dns: DnsClient,
  host: string,
  answers: readonly DnsAnswer<"A" | "AAAA">[],
): Promise<RouteTrouble> {
  const failed = answers.find((answer) => answer.kind === "failed");
  if (failed) return { kind: "lookup-failed", why: failed.why };
  if (answers.some((answer) => answer.kind === "alias-loop")) return { kind: "alias-loop" };
  const others = answers.length === 1 ? await dns.ask(host, "AAAA") : null;
  return { kind: others?.kind === "records" ? "other-family" : "no-addresses" };
}
