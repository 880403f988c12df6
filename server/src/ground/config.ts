/**
 * The whole configuration, read once from the environment. All faults are reported together, each with its cure;
 * an unknown ROUNDTRIP_ variable is a fault too, because a misspelt setting is a setting that silently does nothing.
 */
import { z } from "zod";
import { type Endpoint, isIpv6, readEndpoint, readIpAddress } from "./ip-address.ts";
import { Refusal } from "./refusal.ts";

export type Role = "web" | "sender" | "receiver" | "worker";
export type ChannelKind = "world" | "relay" | "mx";
type Environment = Readonly<Record<string, string | undefined>>;

const roles = ["web", "sender", "receiver", "worker"] as const;
const port = z.coerce.number("give a port number, such as 8025").int().min(0).max(65_535);
const seconds = z.coerce.number("give a number of seconds").positive();
const domain = z
  .string()
  .toLowerCase()
  .regex(
    /^(?=.{1,200}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    "give a domain name, such as bounce.example.com",
  );

const listOf = <Item>(item: z.ZodType<Item, string>) =>
  z
    .string()
    .default("")
    .transform((text) => text.split(",").flatMap((part) => part.trim() || []))
    .pipe(z.array(item));
const resolver = z.string().transform((text, fault): Endpoint => {
  const endpoint = readEndpoint(text, 53);
  if (!endpoint) fault.addIssue("give addresses of name servers, such as 127.0.0.1 or 192.0.2.53:5353");
  return endpoint ?? { address: "", port: 0 };
});
const sendingAddress = z.string().transform((text, fault): SendingAddress => {
  const [addresses = "", heloName = ""] = text.toLowerCase().split("=");
  const [address = "", ipv6, ...more] = addresses.split("+");
  const isGood = readIpAddress(address) && (ipv6 === undefined || (isIpv6(ipv6) && readIpAddress(ipv6)));
  if (!isGood || more.length > 0 || !domain.safeParse(heloName).success)
    fault.addIssue(
      "give address=name pairs, such as 192.0.2.10=mail.example.com or 192.0.2.10+2001:db8::10=mail.example.com",
    );
  return { address, heloName, ...(ipv6 === undefined ? {} : { ipv6 }) };
});

const variables = z.strictObject({
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "give a postgres:// address, or leave it out to use the embedded database")
    .optional(),
  ROUNDTRIP_DATA_DIR: z.string().min(1).default("data"),
  ROUNDTRIP_ROLES: z
    .string()
    .default(roles.join(","))
    .transform((text) => text.split(",").map((role) => role.trim()))
    .pipe(z.array(z.enum(roles, `name roles out of ${roles.join(", ")}, separated by commas`)).min(1)),
  ROUNDTRIP_WEB_HOST: z.string().default("127.0.0.1"),
  ROUNDTRIP_WEB_PORT: port.default(8080),
  ROUNDTRIP_PUBLIC_URL: z
    .url({
      protocol: /^https?$/,
      error: "give the address people reach this server at, such as https://survey.example.com",
    })
    .optional(),
  ROUNDTRIP_INBOUND_HOST: z.string().default("127.0.0.1"),
  ROUNDTRIP_INBOUND_PORT: port.default(2525),
  ROUNDTRIP_CHANNEL: z
    .enum(
      ["world", "relay", "mx"],
      "choose world (the miniature outside), relay (an SMTP smart host) or mx (straight to the receivers)",
    )
    .default("world"),
  ROUNDTRIP_WORLD_PORT: port.optional(),
  ROUNDTRIP_RELAY_URL: z
    .url({ protocol: /^smtps?$/, error: "give smtp://host:port or smtps://user:password@host:port" })
    .optional(),
  ROUNDTRIP_RELAY_TLS: z
    .enum(["never", "opportunistic", "required"], "choose never, opportunistic or required")
    .optional(),
  ROUNDTRIP_RELAY_CA_FILE: z.string().optional(),
  ROUNDTRIP_RESOLVER: listOf(resolver),
  ROUNDTRIP_MX_ADDRESSES: listOf(sendingAddress),
  ROUNDTRIP_MX_TLS_DOMAINS: listOf(domain),
  ROUNDTRIP_MX_PORT: port.default(25),
  ROUNDTRIP_MX_INSIDE: z.enum(["refuse", "allow"], "choose refuse, or allow in a test").default("refuse"),
  ROUNDTRIP_HELO_NAME: domain.optional(),
  ROUNDTRIP_CONNECTIONS: z.coerce.number("give a number of connections").int().min(1).max(1000).default(20),
  ROUNDTRIP_SENDING_DOMAIN: domain.default("mail.roundtrip.test"),
  ROUNDTRIP_BOUNCE_DOMAIN: domain.default("bounce.roundtrip.test"),
  ROUNDTRIP_FROM_LOCAL: z
    .string()
    .regex(/^[a-z0-9._-]{1,40}$/i, "give the part before the @, such as survey")
    .default("survey"),
  ROUNDTRIP_REPLY_LOCAL: z
    .string()
    .regex(/^[a-z0-9._-]{1,40}$/i, "give the part before the @, such as reply")
    .default("reply"),
  ROUNDTRIP_MASTER_KEY: z
    .string()
    .regex(/^[0-9a-f]{64}$/i, "give 64 hexadecimal digits, for instance from: openssl rand -hex 32")
    .optional(),
  ROUNDTRIP_LOG_LEVEL: z
    .enum(
      ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
      "choose fatal, error, warn, info, debug, trace or silent",
    )
    .default("info"),
  ROUNDTRIP_INSTANCE: z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "give this installation a short name, such as production or trial")
    .optional(),
  ROUNDTRIP_LEASE_SECONDS: seconds.default(60),
  ROUNDTRIP_UNKNOWN_RESEND_SECONDS: seconds.default(30 * 60),
});

export interface Config {
  readonly databaseUrl: string | null;
  readonly dataDir: string;
  /** What this installation is called, so that a copy of it can be called otherwise. */
  readonly instance: string | null;
  readonly roles: readonly Role[];
  readonly web: { readonly host: string; readonly port: number; readonly publicUrl: string | null };
  readonly inbound: { readonly host: string; readonly port: number };
  readonly channel: ChannelConfig;
  /** Name servers that the operator named; empty: those of the system. */
  readonly resolvers: readonly Endpoint[];
  readonly heloName: string;
  readonly connections: number;
  readonly sendingDomain: string;
  readonly bounceDomain: string;
  readonly fromLocal: string;
  readonly replyLocal: string;
  readonly masterKey: Buffer | null;
  readonly logLevel: string;
  readonly leaseMs: number;
  readonly unknownResendMs: number;
}

export interface SendingAddress {
  readonly address: string;
  readonly heloName: string;
  readonly ipv6?: string;
}

/** Where mail goes: the miniature world on a loopback port (null: the program starts one itself), a smart host, or the receivers. */
export type ChannelConfig =
  | { readonly kind: "world"; readonly port: number | null }
  | {
      readonly kind: "relay";
      readonly host: string;
      readonly port: number;
      readonly tls: "never" | "opportunistic" | "required" | "implicit";
      readonly credentials: { readonly user: string; readonly password: string } | null;
      readonly caFile: string | null;
    }
  | {
      readonly kind: "mx";
      readonly addresses: readonly SendingAddress[];
      /** Empty: those of the system. */
      readonly resolvers: readonly Endpoint[];
      /** Mail to these domains goes only over TLS with a valid certificate. */
      readonly tlsDomains: readonly string[];
      readonly port: number;
      /** May mail go to private and loopback addresses? In tests only. */
      readonly mayPointInside: boolean;
    };

/** Reads the environment; throws one Refusal that lists every fault with its cure. */
export function readConfig(environment: Environment): Config {
  const ours = Object.fromEntries(
    Object.entries(environment).filter(
      ([name, value]) => (name.startsWith("ROUNDTRIP_") || name === "DATABASE_URL") && value !== "",
    ),
  );
  const read = variables.safeParse(ours);
  const faults = read.success ? [] : read.error.issues.flatMap((issue) => explainIssue(issue));
  const channel = read.success ? readChannel(read.data, faults) : null;
  if (!read.success || !channel || faults.length > 0) {
    throw new Refusal(
      "configuration",
      `The configuration cannot be used:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`,
    );
  }
  const value = read.data;
  return {
    databaseUrl: value.DATABASE_URL ?? null,
    dataDir: value.ROUNDTRIP_DATA_DIR,
    instance: value.ROUNDTRIP_INSTANCE ?? null,
    roles: value.ROUNDTRIP_ROLES,
    web: {
      host: value.ROUNDTRIP_WEB_HOST,
      port: value.ROUNDTRIP_WEB_PORT,
      publicUrl: value.ROUNDTRIP_PUBLIC_URL?.replace(/\/$/, "") ?? null,
    },
    inbound: { host: value.ROUNDTRIP_INBOUND_HOST, port: value.ROUNDTRIP_INBOUND_PORT },
    channel,
    resolvers: value.ROUNDTRIP_RESOLVER,
    heloName: value.ROUNDTRIP_HELO_NAME ?? value.ROUNDTRIP_SENDING_DOMAIN,
    connections: value.ROUNDTRIP_CONNECTIONS,
    sendingDomain: value.ROUNDTRIP_SENDING_DOMAIN,
    bounceDomain: value.ROUNDTRIP_BOUNCE_DOMAIN,
    fromLocal: value.ROUNDTRIP_FROM_LOCAL,
    replyLocal: value.ROUNDTRIP_REPLY_LOCAL,
    masterKey: value.ROUNDTRIP_MASTER_KEY ? Buffer.from(value.ROUNDTRIP_MASTER_KEY, "hex") : null,
    logLevel: value.ROUNDTRIP_LOG_LEVEL,
    leaseMs: value.ROUNDTRIP_LEASE_SECONDS * 1000,
    unknownResendMs: value.ROUNDTRIP_UNKNOWN_RESEND_SECONDS * 1000,
  };
}

function readChannel(value: z.infer<typeof variables>, faults: string[]): ChannelConfig | null {
  if (value.ROUNDTRIP_CHANNEL === "world") return { kind: "world", port: value.ROUNDTRIP_WORLD_PORT ?? null };
  if (!value.ROUNDTRIP_PUBLIC_URL?.startsWith("https://")) {
    faults.push(
      "ROUNDTRIP_PUBLIC_URL must be the https address that people reach this server at: real mail carries it in every link, and mail programs opt people out through it.",
    );
  }
  return value.ROUNDTRIP_CHANNEL === "mx" ? readMx(value, faults) : readRelay(value, faults);
}

function readMx(value: z.infer<typeof variables>, faults: string[]): ChannelConfig {
  if (value.ROUNDTRIP_MX_ADDRESSES.length === 0) {
    faults.push(
      "ROUNDTRIP_MX_ADDRESSES is missing: the channel is mx, so give the addresses to send from with the names they say hello with, such as 192.0.2.10=mail.example.com.",
    );
  }
  return {
    kind: "mx",
    addresses: value.ROUNDTRIP_MX_ADDRESSES,
    resolvers: value.ROUNDTRIP_RESOLVER,
    tlsDomains: value.ROUNDTRIP_MX_TLS_DOMAINS,
    port: value.ROUNDTRIP_MX_PORT,
    mayPointInside: value.ROUNDTRIP_MX_INSIDE === "allow",
  };
}

function readRelay(value: z.infer<typeof variables>, faults: string[]): ChannelConfig | null {
  if (!value.ROUNDTRIP_RELAY_URL) {
    faults.push(
      "ROUNDTRIP_RELAY_URL is missing: the channel is relay, so give smtp://host:port or smtps://user:password@host:port.",
    );
    return null;
  }
  const url = new URL(value.ROUNDTRIP_RELAY_URL);
  const credentials = url.username
    ? { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
    : null;
  const implicit = url.protocol === "smtps:";
  const tls = implicit ? "implicit" : (value.ROUNDTRIP_RELAY_TLS ?? (credentials ? "required" : "opportunistic"));
  if (credentials && tls !== "implicit" && tls !== "required") {
    faults.push(
      `ROUNDTRIP_RELAY_TLS is ${tls}, but the relay has a password: a password is never sent in clear, so set required or leave it out.`,
    );
  }
  const port = url.port ? Number(url.port) : implicit ? 465 : credentials ? 587 : 25;
  return { kind: "relay", host: url.hostname, port, tls, credentials, caFile: value.ROUNDTRIP_RELAY_CA_FILE ?? null };
}

function explainIssue(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((name) => `${name} is not a setting. ${closestSetting(name)}`);
  }
  return [`${String(issue.path[0])}: ${issue.message}.`];
}

function closestSetting(name: string): string {
  const known = Object.keys(variables.shape).map((candidate) => ({ candidate, apart: distance(candidate, name) }));
  const close = known.filter(({ apart }) => apart <= 3).sort((left, right) => left.apart - right.apart)[0]?.candidate;
  return close ? `Did you mean ${close}?` : "Take it out; docs/operations.md lists the settings.";
}

/** Levenshtein distance, for "did you mean". */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...left].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...right].entries()) {
      next.push(Math.min((row[j] ?? 0) + (letter === other ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
