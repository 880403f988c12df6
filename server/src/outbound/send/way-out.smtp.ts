/** The way out that the configuration names: its channel, and the pool of our own addresses where it has one. Opens nothing by itself. */
import type { Clock } from "../../ground/clock.ts";
import type { Config } from "../../ground/config.ts";
import type { Queryable } from "../../ground/database.store.ts";
import { isLocalAddress } from "../../ground/local-address.process.ts";
import type { Log } from "../../ground/log.process.ts";
import { mxChannel } from "../route/mx-channel.smtp.ts";
import { AddressPool } from "../shape/address-pool.store.ts";
import { profileOf } from "../shape/profiles.ts";
import type { Channel } from "./channel.ts";
import { relayChannel, worldChannel } from "./host-channel.smtp.ts";

export interface WayOut {
  readonly channel: Channel;
  readonly pool?: AddressPool;
}

export interface WayOutParts {
  readonly engine: Queryable;
  readonly clock: Clock;
  readonly chance: () => number;
  readonly log: Log;
  /** On which port of this machine the miniature world serves a domain. */
  readonly portFor: (domain: string) => number;
}

export function findWayOut({ channel, heloName }: Config, parts: WayOutParts): WayOut {
  if (channel.kind === "relay") return { channel: relayChannel(channel, heloName) };
  if (channel.kind === "world") return { channel: worldChannel(parts.portFor, heloName) };
  const { engine, clock, chance, log } = parts;
  const pool = new AddressPool({ engine, clock, log, configured: channel.addresses, isHere: isLocalAddress });
  const mx = mxChannel(channel, {
    engine,
    clock,
    chance,
    ourAddresses: () => pool.addresses,
    mailsPerConnection: (provider) => profileOf(provider).mailsPerConnection,
    report: (finding) => log.warn(finding, finding.text),
  });
  return { channel: mx, pool };
}
