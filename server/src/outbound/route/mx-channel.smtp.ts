/**
 * The channel `mx`: mail goes straight to the servers that a domain's DNS names, from our own addresses. It promises that
 * each server is tried in the right order and within bounds, that TLS is used wherever it is offered, that a policy of
 * the domain is never stepped below (then nothing is sent for now), and that mail in clear after a failed handshake is
 * on record. It keeps to no rates and counts no mails; `shape/` does.
 */
import { networkInterfaces } from "node:os";
import { failed, ok } from "@roundtrip/mail/result";
import type { Clock } from "../../ground/clock.ts";
import type { Queryable } from "../../ground/database.store.ts";
import { type Endpoint, isIpv6 } from "../../ground/ip-address.ts";
import type { Channel } from "../send/channel.ts";
import {
  type ConnectFailure,
  type Connection,
  type ConnectionOptions,
  openConnection,
  type Timeouts,
} from "../send/smtp-connection.smtp.ts";
import { createDnsClient, type DnsClient } from "./dns-client.dns.ts";
import { type Destination, findDestination, type MailHost, type RouteRules } from "./find-route.dns.ts";
import { orderHosts, type Try } from "./order-hosts.ts";
import { laneFrom } from "./lane-from.ts";
import { type OwnAddress, pickOwnAddress } from "./own-address.ts";
import { explainRouteTrouble, type RouteTrouble } from "./route-trouble.ts";
import type { Lane, Route } from "./route.ts";
import { createStsPolicies, type StsPolicies } from "./sts-policies.dns.ts";
import { fetchStsPolicy } from "./sts-policy.http.ts";
import { findStsPolicy, saveStsPolicy } from "./sts-policy.store.ts";
import { isStsHost, type StsPolicy } from "./sts-policy.ts";
import { decideTls, explainTestingBreach, explainTlsBreach, type TlsDemand } from "./tls-policy.ts";
import { findTlsa } from "./tlsa.dns.ts";
import { explainTlsaMismatch } from "./tlsa.ts";

export interface MxSettings {
  /** What we send from; at least one. */
  readonly addresses: readonly OwnAddress[];
  /** Empty: the resolvers of the system. DANE needs a validating one on this machine. */
  readonly resolvers: readonly Endpoint[];
  /** Domains to which mail goes only over TLS with a valid certificate, whatever they say themselves. */
  readonly tlsDomains: readonly string[];
  /** Addresses this installation can be reached at, besides those of its interfaces and those it sends from. */
  readonly alsoOurs?: readonly string[];
  /** For tests and demo only: see RouteRules. */
  readonly mayPointInside?: boolean;
  /** 25 unless a test says otherwise. */
  readonly port?: number;
  readonly stsPort?: number;
  /** PEM of the authorities that certificates must come from; those of the system unless told. */
  readonly ca?: string;
  readonly timeouts?: Partial<Timeouts>;
}

export interface MxParts {
  readonly engine: Queryable;
  readonly clock: Clock;
  readonly chance: () => number;
  /** Addresses of ours besides those of the settings, as they are known now; a lane may name one (`Lane.from`). */
  readonly ourAddresses?: () => readonly OwnAddress[];
  readonly mailsPerConnection?: (provider: string) => number;
  /** What is worth a line in the log and stops nothing. */
  readonly report: (finding: { readonly domain: string; readonly text: string }) => void;
}

const MINUTE_MS = 60_000;
const CONNECT_MS = 30_000;
const UNREACHABLE_MS = 5 * MINUTE_MS;
const UNREACHABLE_MAX = 10_000;
/** No further server is tried after this long: the mail's turn comes again. */
const TRYING_MS = 5 * MINUTE_MS;
const MAILS_PER_CONNECTION = 50;

export function mxChannel(settings: MxSettings, parts: MxParts): Channel {
  const dns = createDnsClient({ resolvers: settings.resolvers, nowMs: () => parts.clock.now().getTime() });
  const sts = createStsPolicies({
    dns,
    clock: parts.clock,
    report: parts.report,
    find: (domain) => findStsPolicy(parts.engine, domain),
    save: (domain, kept) => saveStsPolicy(parts.engine, domain, kept),
    fetch: (domain) => fetchStsPolicy(dns, domain, stsRules(settings)),
  });
  return new MxChannel({ settings, parts, dns, sts });
}

interface Inside {
  readonly settings: MxSettings;
  readonly parts: MxParts;
  readonly dns: DnsClient;
  readonly sts: StsPolicies;
}

/** What is known about a domain when a connection for it is opened. */
interface Aim {
  readonly domain: string;
  readonly destination: Destination;
  readonly sts: StsPolicy | null;
  readonly own: OwnAddress;
  readonly provider: string;
}

class MxChannel implements Channel {
  readonly kind = "mx";
  readonly #inside: Inside;
  readonly #outside = listOutsideAddresses();
  readonly #tlsDomains: ReadonlySet<string>;
  readonly #unreachableUntilMs = new Map<string, number>();

  constructor(inside: Inside) {
    this.#inside = inside;
    this.#tlsDomains = new Set(inside.settings.tlsDomains);
  }

  async route(domain: string): Promise<Route> {
    const found = await findDestination(this.#inside.dns, domain, this.#rules);
    if (found.kind !== "destination") return { kind: "no-route", word: explainRouteTrouble(found) };
    const lane = laneFrom(this.#pickOwn(domain), found.provider);
    const servers = (await this.#isLikeAnyOther(domain)) ? nameTarget(found) : domain;
    return { kind: "lane", lane, target: `${lane.key}:${servers}`, reach: { servers, ...familiesOf(found) } };
  }

  async open({ from, provider }: Lane, domain: string): Promise<Connection | ConnectFailure> {
    const { dns, sts } = this.#inside;
    const destination = await findDestination(dns, domain, this.#rules);
    if (destination.kind !== "destination") return failFor(domain, destination);
    const policy = await sts.policyOf(domain).catch(() => undefined);
    if (policy === undefined) return failFor(domain, { kind: "policy-unreadable" });
    return this.#tryAll({ domain, destination, sts: policy, own: from ?? this.#pickOwn(domain), provider });
  }

  get #rules(): RouteRules {
    const { settings, parts } = this.#inside;
    const ours = [...settings.addresses, ...(parts.ourAddresses?.() ?? [])];
    const sources = ours.flatMap(({ address, ipv6 }) => [address, ...(ipv6 === undefined ? [] : [ipv6])]);
    return {
      usesIpv6: sources.some((address) => isIpv6(address)),
      ourAddresses: [...sources, ...(settings.alsoOurs ?? []), ...this.#outside],
      mayPointInside: settings.mayPointInside ?? false,
    };
  }

  #pickOwn(domain: string): OwnAddress {
    return pickOwnAddress(this.#inside.settings.addresses, domain);
  }

  /** Only domains that demand nothing may share connections: what one checked says nothing about another's policy. */
  async #isLikeAnyOther(domain: string): Promise<boolean> {
    if (this.#tlsDomains.has(domain)) return false;
    const policy = await this.#inside.sts.policyOf(domain).catch(() => undefined);
    return policy === null;
  }

  async #tryAll(aim: Aim): Promise<Connection | ConnectFailure> {
    const { chance } = this.#inside.parts;
    const tries = orderHosts(pickAllowed(aim), {
      chance,
      isReachable: (address) => (this.#unreachableUntilMs.get(address) ?? 0) < performance.now(),
      isOurKind: (address) => sourceFor(aim.own, address) !== undefined,
    });
    const startedMs = performance.now();
    const failures: Failure[] = [];
    for (const [index, each] of tries.entries()) {
      if (index > 0 && performance.now() - startedMs > TRYING_MS) break;
      const opened = await this.#tryOne(aim, each);
      if (opened.kind === "open") return opened;
      failures.push(opened);
    }
    return pickMostTelling(failures) ?? failFor(aim.domain, { kind: "other-family" });
  }

  async #tryOne(aim: Aim, { host, address }: Try): Promise<Connection | Failure> {
    const { dns, parts } = this.#inside;
    const tlsa = await findTlsa(dns, host, { port: this.#port, isMxAuthentic: aim.destination.isAuthentic });
    const demand = decideTls(host.name, { sts: aim.sts, tlsa, isTlsRequired: this.#tlsDomains.has(aim.domain) });
    if (demand.kind === "excluded") {
      const peer = { host: host.name, address: null, localAddress: null, tls: null };
      return { kind: "failed", word: explainTlsBreach(demand.source, demand.why), peer, isUntried: true };
    }
    const opened = await this.#connect(aim, { host, address }, demand);
    if (opened.kind !== "open") {
      if (opened.word.step === "connect") this.#noteUnreachable(address);
      return opened;
    }
    this.#unreachableUntilMs.delete(address);
    const breach = explainTestingBreach(aim.sts, host.name, opened.peer.tls);
    if (breach !== null) parts.report({ domain: aim.domain, text: `Its MTA-STS policy is being tested: ${breach}` });
    return opened;
  }

  /** A server that fails at TLS gets the mail in clear, as one that offers none; but only where nobody demands TLS. */
  async #connect(aim: Aim, to: Try, demand: Exclude<TlsDemand, { kind: "excluded" }>): Promise<Connection | Failure> {
    const options = this.#optionsFor(aim, to, demand);
    const opened = await openConnection(options);
    if (opened.kind === "open" || opened.word.step !== "starttls") return opened;
    const { code, text } = opened.word;
    const why = code === null ? text : `the server said ${String(code)} ${text}`;
    if (demand.kind !== "opportunistic")
      return { kind: "failed", word: explainTlsBreach(demand.source, why), peer: opened.peer };
    return openConnection({ ...options, tls: "never", clearBecause: `in clear, because ${why}` });
  }

  #optionsFor(aim: Aim, { host, address }: Try, demand: Exclude<TlsDemand, { kind: "excluded" }>): ConnectionOptions {
    const { settings, parts } = this.#inside;
    return {
      host: host.name,
      address,
      port: this.#port,
      localAddress: sourceFor(aim.own, address),
      ehloName: aim.own.heloName,
      auth: null,
      tls: demand.kind === "opportunistic" ? "opportunistic" : "required",
      tlsOptions: {
        ...(settings.ca === undefined ? {} : { ca: settings.ca }),
        ...(demand.kind === "encrypted" ? { rejectUnauthorized: false } : {}),
        ...(demand.kind === "dane" ? { servername: demand.baseName } : {}),
      },
      timeouts: { connectMs: CONNECT_MS, ...settings.timeouts },
      maxMessages: parts.mailsPerConnection?.(aim.provider) ?? MAILS_PER_CONNECTION,
      ...(demand.kind === "dane" ? { judgePeer: judgeByDane(demand, aim, { host, address }, parts.clock) } : {}),
    };
  }

  get #port(): number {
    return this.#inside.settings.port ?? 25;
  }

  #noteUnreachable(address: string): void {
    if (this.#unreachableUntilMs.size >= UNREACHABLE_MAX) this.#unreachableUntilMs.clear();
    this.#unreachableUntilMs.set(address, performance.now() + UNREACHABLE_MS);
  }
}

/** `isUntried`: a policy kept us from the server, so it says least about what is wrong. */
type Failure = ConnectFailure & { readonly isUntried?: boolean };

/** Hosts that an MTA-STS policy does not name take no turn from those it names; alone they are kept, to say why. */
function pickAllowed({ destination: { hosts }, sts }: Aim): readonly MailHost[] {
  if (sts?.mode !== "enforce") return hosts;
  const named = hosts.filter(({ name }) => isStsHost(sts, name));
  return named.length > 0 ? named : hosts;
}

/** A server's own words, else a policy that a server could not meet, else the first that went wrong. */
function pickMostTelling(failures: readonly Failure[]): ConnectFailure | undefined {
  return (
    failures.find(({ kind }) => kind === "refused") ??
    failures.find(({ word, isUntried }) => word.step === "starttls" && isUntried !== true) ??
    failures.find(({ isUntried }) => isUntried !== true) ??
    failures[0]
  );
}

function failFor(domain: string, trouble: RouteTrouble): ConnectFailure {
  const peer = { host: domain, address: null, localAddress: null, tls: null };
  return { kind: "failed", word: explainRouteTrouble(trouble), peer };
}

/** The same servers in the same order, under the same kind of proof. */
function nameTarget({ hosts, isAuthentic }: Destination): string {
  const names = hosts.map(({ name, preference }) => `${String(preference)} ${name}`).toSorted();
  return `${names.join(",")}${isAuthentic ? " signed" : ""}`;
}

function familiesOf({ hosts }: Destination): { readonly ipv4: boolean; readonly ipv6: boolean } {
  const addresses = hosts.flatMap((host) => host.addresses);
  return { ipv4: addresses.some((to) => !isIpv6(to)), ipv6: addresses.some((to) => isIpv6(to)) };
}

function sourceFor({ address, ipv6 }: OwnAddress, to: string): string | undefined {
  return [address, ipv6].find((ours) => ours !== undefined && isIpv6(ours) === isIpv6(to));
}

function judgeByDane(
  demand: Extract<TlsDemand, { kind: "dane" }>,
  aim: Aim,
  { host }: Try,
  clock: Clock,
): NonNullable<ConnectionOptions["judgePeer"]> {
  // RFC 7672 §3.2.2: the name of the records, that of the MX host, and the domain itself.
  const names = [demand.baseName, host.name, aim.domain];
  return (certificate) => {
    const why = explainTlsaMismatch(demand.records, certificate, { names, now: clock.now() });
    return why === null ? ok("DANE") : failed(why);
  };
}

function stsRules({ mayPointInside = false, stsPort, ca }: MxSettings) {
  return { mayPointInside, port: stsPort, ca };
}

/** Addresses of this machine that others may know; loopback is refused by its scope. */
function listOutsideAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ internal }) => !internal).map(({ address }) => address),
  );
}
