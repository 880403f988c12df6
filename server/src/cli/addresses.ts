/**
 * `roundtrip addresses`: the addresses that mail leaves from, as the operator sees and changes them. Bad input is one
 * clear sentence; what is only likely to be wrong is a warning, and done all the same.
 */
import type { ChannelConfig, Config } from "../ground/config.ts";
import type { Database } from "../ground/database.store.ts";
import { isSameAddress, readIpAddress } from "../ground/ip-address.ts";
import { isLocalAddress } from "../ground/local-address.process.ts";
import { Refusal } from "../ground/refusal.ts";
import { explainUnfitAddress } from "../outbound/route/address-scope.ts";
import { isDnsName } from "../outbound/route/dns-answer.ts";
import { wakeWaiting } from "../outbound/send/queue.store.ts";
import { rereadMs } from "../outbound/shape/address-pool.store.ts";
import type { SendingAddress } from "../outbound/shape/choose-address.ts";
import { explainProvider } from "../outbound/shape/forecast.ts";
import {
  listOverflowing,
  listSendingAddresses,
  loadUse,
  saveSendingAddress,
} from "../outbound/shape/sending-address.store.ts";
import { type UseToday, useToday } from "../outbound/shape/warm-up.ts";
import { type Visit, visitDatabase } from "./visit.ts";

export interface AddressLine extends SendingAddress {
  /** Whether this machine can send from it. */
  readonly isHere: boolean;
  /** By provider, where it was used in the last year. */
  readonly use: readonly UseToday[];
}

export interface AddressReport {
  readonly addresses: readonly AddressLine[];
  /** Of the configuration and not in the table: in use while that has none in use, otherwise not at all. */
  readonly configured: { readonly addresses: readonly string[]; readonly areUsed: boolean };
  /** May mail of this installation's organisation leave by shared addresses while its own have no room? */
  readonly mayOverflow: boolean;
  /** What was done, and what is likely to be wrong with it. */
  readonly notes: readonly string[];
}

const states = ["planned", "warming", "active", "retiring"] as const;
/** To people; `--json` has all. */
const providersShown = 12;
const yearMs = 365 * 86_400_000;

export function listAddresses(environment: NodeJS.ProcessEnv, now: Date): Promise<AddressReport> {
  return visitDatabase(environment, (visit) => report(visit, now, []));
}

export interface NewAddress {
  readonly address: string;
  readonly heloName: string;
  /** For this installation's organisation alone; otherwise shared. */
  readonly isDedicated: boolean;
  /** A private address of this machine, which receivers see as another one. */
  readonly isBehindNat: boolean;
}

/** Planned at first: published, and used by nothing until its state says so. One that is there gets its new name and owner. */
export function addAddress(environment: NodeJS.ProcessEnv, wish: NewAddress, now: Date): Promise<AddressReport> {
  return visitDatabase(environment, async (visit) => {
    const { config, database, orgId } = visit;
    const address = mustBeFit(mustBeAddress(wish.address), wish, config.channel);
    const heloName = wish.heloName.toLowerCase();
    if (!isDnsName(heloName) || !heloName.includes(".") || heloName.includes("_"))
      throw new Refusal(
        "no-helo-name",
        `“${wish.heloName}” is no name to say hello with. Give the full name that the address has in DNS, such as mail1.example.com.`,
      );
    const known = await listSendingAddresses(database.engine);
    const before = known.find((each) => isSameAddress(each.address, address));
    const state = before?.state ?? "planned";
    const notes = known.length === 0 ? await takeOver(database, config, { except: address, now }) : [];
    await saveSendingAddress(database.owner, { address, heloName, state, orgId: wish.isDedicated ? orgId : null }, now);
    const done = before
      ? `${address} was there already and is still ${state}; its name and its owner are as you say now.`
      : `${address} is planned: tell the IT departments of your receivers, then say: roundtrip addresses state ${address} warming`;
    return report(visit, now, [...notes, done, ...(await warnOfAbsence(address))]);
  });
}

/** Mail that waits for an address is looked at again when there may be room now. */
export function setAddressState(
  environment: NodeJS.ProcessEnv,
  wish: { readonly address: string; readonly state: string },
  now: Date,
): Promise<AddressReport> {
  return visitDatabase(environment, async (visit) => {
    const address = mustBeAddress(wish.address);
    const state = states.find((word) => word === wish.state);
    if (!state) throw new Refusal("no-such-state", `“${wish.state}” is no state. Choose one of ${states.join(", ")}.`);
    const known = await listSendingAddresses(visit.database.engine);
    const before = known.find((each) => isSameAddress(each.address, address));
    if (!before) throw new Refusal("no-such-address", explainUnknown(address, known));
    await saveSendingAddress(visit.database.owner, { ...before, state }, now);
    const notes = [`${before.address} is ${state} from now on: ${meaning[state]}.`, ...(await warnOfAbsence(address))];
    return report(visit, now, [...notes, ...(await wake(visit, now))]);
  });
}

/** Lets mail of this installation's organisation overflow to shared addresses, or not. */
export function setOverflow(environment: NodeJS.ProcessEnv, isAllowed: boolean, now: Date): Promise<AddressReport> {
  return visitDatabase(environment, async (visit) => {
    await visit.database.owner.query("update organisation set may_overflow = $2 where org_id = $1", [
      visit.orgId,
      isAllowed,
    ]);
    const note = isAllowed
      ? "Mail may leave by shared addresses from now on while your own have no room. Receivers must let those in, too."
      : "Mail leaves by your own addresses alone from now on, and waits while they have no room.";
    return report(visit, now, [note, ...(await wake(visit, now))]);
  });
}

/** For people; `--json` prints the report itself. */
export function writeAddresses({ addresses, configured, mayOverflow, notes }: AddressReport): string {
  const lines = addresses.flatMap(writeAddress);
  const shown =
    lines.length > 0
      ? lines
      : ["No addresses in the table. Add one: roundtrip addresses add 192.0.2.10 --helo mail1.example.com"];
  const ofConfig = configured.addresses.length === 0 ? [] : [writeConfigured(configured)];
  const overflow = mayOverflow ? ["Mail may overflow to shared addresses."] : [];
  return [...notes, ...(notes.length > 0 ? [""] : []), ...shown, ...ofConfig, ...overflow].join("\n");
}

function writeAddress({ address, heloName, state, orgId, isHere, use }: AddressLine): readonly string[] {
  const whose = orgId === null ? "shared" : `organisation ${String(orgId)}`;
  const place = isHere ? "" : "  (not on this machine)";
  const used = use.filter(({ sent, ceiling }) => sent > 0 || ceiling !== null);
  const lines = used.slice(0, providersShown).map(({ provider, sent, ceiling }) => {
    const limit = ceiling === null ? "no ceiling" : `of ${String(ceiling)}`;
    return `    ${explainProvider(provider).padEnd(28)} ${String(sent).padStart(8)} today, ${limit}`;
  });
  const more = used.length > providersShown ? [`    and ${String(used.length - providersShown)} more providers`] : [];
  return [`${address.padEnd(20)} ${state.padEnd(9)} ${heloName.padEnd(28)} ${whose}${place}`, ...lines, ...more];
}

function writeConfigured({ addresses, areUsed }: AddressReport["configured"]): string {
  const list = addresses.join(", ");
  return areUsed
    ? `In use, as the configuration says (shared, active): ${list}`
    : `Not in use, because the table has addresses in use: ${list} of ROUNDTRIP_MX_ADDRESSES`;
}

const meaning: Readonly<Record<SendingAddress["state"], string>> = {
  planned: "published, and used by nothing",
  warming: "it carries a little more each day on which it is used",
  active: "it carries what there is, without a ceiling",
  retiring: "it finishes the mail it has begun, and begins none",
};

async function report({ config, database, orgId }: Visit, now: Date, notes: readonly string[]): Promise<AddressReport> {
  const listed = await listSendingAddresses(database.engine);
  const names = listed.map(({ address }) => address);
  const use = await loadUse(database.engine, names, new Date(now.getTime() - yearMs));
  const addresses = await Promise.all(
    listed.map(async (each) => ({
      ...each,
      isHere: await isLocalAddress(each.address),
      use: useToday(use, each, now),
    })),
  );
  const overflowing = await listOverflowing(database.engine);
  const configured = {
    addresses: listConfigured(config).filter((own) => !names.some((name) => isSameAddress(name, own))),
    areUsed: listed.every(({ state }) => state === "planned"),
  };
  return { addresses, configured, mayOverflow: overflowing.has(orgId), notes };
}

function listConfigured({ channel }: Config): readonly string[] {
  return channel.kind === "mx" ? channel.addresses.map(({ address }) => address) : [];
}

/** The first address of the table would otherwise end the use of those in the configuration, all at once. */
async function takeOver(
  database: Database,
  { channel }: Config,
  { except, now }: { readonly except: string; readonly now: Date },
): Promise<readonly string[]> {
  const configured =
    channel.kind === "mx" ? channel.addresses.filter((own) => !isSameAddress(own.address, except)) : [];
  for (const { address, heloName, ipv6 } of configured)
    for (const each of [address, ...(ipv6 === undefined ? [] : [ipv6])])
      await saveSendingAddress(database.owner, { address: each, heloName, state: "active", orgId: null }, now);
  if (configured.length === 0) return [];
  const list = configured.map(({ address }) => address).join(", ");
  return [
    `Taken over from ROUNDTRIP_MX_ADDRESSES, as shared and active: ${list}. From now on the table says what is used.`,
  ];
}

async function wake({ database }: Visit, now: Date): Promise<readonly string[]> {
  // Senders read the table again first.
  const woken = await wakeWaiting(database.owner, null, new Date(now.getTime() + 2 * rereadMs));
  return woken === 0 ? [] : [`${String(woken)} waiting mails are looked at again within seconds.`];
}

async function warnOfAbsence(address: string): Promise<readonly string[]> {
  if (await isLocalAddress(address)) return [];
  return [`Warning: ${address} is not an address of this machine. Only senders on a machine that has it will use it.`];
}

function mustBeAddress(text: string): string {
  const address = text.trim().toLowerCase();
  if (readIpAddress(address)) return address;
  throw new Refusal("not-an-address", `“${text}” is not an IP address. Give one, such as 192.0.2.10 or 2001:db8::10.`);
}

function mustBeFit(address: string, { isBehindNat }: NewAddress, channel: ChannelConfig): string {
  const unfit = channel.kind === "mx" && channel.mayPointInside ? null : explainUnfitAddress(address);
  if (unfit === null) return address;
  if (isBehindNat && unfit === "a private address") return address;
  const hint =
    unfit === "a private address"
      ? "If it is this machine's own behind NAT, and receivers see a fixed public one, add --behind-nat."
      : "Give a public address of this machine.";
  throw new Refusal("unfit-address", `${address} is ${unfit}: no receiver ever sees it. ${hint}`);
}

function explainUnknown(address: string, known: readonly SendingAddress[]): string {
  const others = known.map((each) => each.address).join(", ");
  const hint = others === "" ? "The table is empty" : `The table has ${others}`;
  return `${address} is not among the sending addresses. ${hint}; add it first: roundtrip addresses add ${address} --helo NAME`;
}
