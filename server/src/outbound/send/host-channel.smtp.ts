/**
 * The channels that hand everything to one host: an SMTP smart host (`relay`), or the miniature world. TLS is used where
 * offered; a server that offers STARTTLS and then fails at it gets the mail in clear only where TLS was not demanded.
 */
import { readFileSync } from "node:fs";
import type { ChannelConfig } from "../../ground/config.ts";
import { Refusal } from "../../ground/refusal.ts";
import type { Route } from "../route/route.ts";
import type { Channel } from "./channel.ts";
import {
  type ConnectFailure,
  type Connection,
  type ConnectionOptions,
  openConnection,
} from "./smtp-connection.smtp.ts";

/** Mails per connection before a new one is opened: long enough to pay for TLS, short enough to spread over a cluster. */
const mailsPerConnection = 100;

/** An SMTP smart host: one lane and one target, whoever the recipient is. */
export function relayChannel(config: Extract<ChannelConfig, { kind: "relay" }>, ehloName: string): Channel {
  const options = relayOptions(config, ehloName);
  const key = `relay:${config.host}:${String(config.port)}`;
  const route: Route = { kind: "lane", lane: { key, provider: "relay" }, target: key };
  return {
    kind: "relay",
    route: () => Promise.resolve(route),
    open: () => openPolitely({ ...options, maxMessages: mailsPerConnection }),
  };
}

/** The miniature world on this machine; `portFor` says which of its servers a domain lives on, as DNS would. */
export function worldChannel(portFor: (domain: string) => number, ehloName: string): Channel {
  const options = {
    host: "127.0.0.1",
    ehloName,
    tls: "opportunistic",
    auth: null,
    maxMessages: mailsPerConnection,
  } as const;
  return {
    kind: "world",
    route: (domain) => {
      const key = `world:${String(portFor(domain))}`;
      return Promise.resolve({ kind: "lane", lane: { key, provider: "world" }, target: key });
    },
    open: (_lane, domain) => openPolitely({ ...options, port: portFor(domain) }),
  };
}

async function openPolitely(options: ConnectionOptions): Promise<Connection | ConnectFailure> {
  const opened = await openConnection(options);
  const failedAtTls = opened.kind !== "open" && opened.word.step === "starttls";
  return failedAtTls && options.tls === "opportunistic" ? openConnection({ ...options, tls: "never" }) : opened;
}

function relayOptions(config: Extract<ChannelConfig, { kind: "relay" }>, ehloName: string): ConnectionOptions {
  const ca = config.caFile === null ? {} : { tlsOptions: { ca: readCa(config.caFile) } };
  return { host: config.host, port: config.port, ehloName, tls: config.tls, auth: config.credentials, ...ca };
}

function readCa(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Refusal(
      "relay-ca-unreadable",
      `ROUNDTRIP_RELAY_CA_FILE names ${file}, which cannot be read. Give the path of a PEM file with the relay's certificate authority.`,
      { cause },
    );
  }
}
