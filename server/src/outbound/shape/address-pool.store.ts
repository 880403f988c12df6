/**
 * Our own addresses as one node knows them: which of them may carry an organisation's mail to a domain, and which one each
 * mail takes. Promises that what is placed on an address has been counted in its use of the day before, so that nodes
 * together never exceed a ceiling; what did not go after all may be given back. Which address fits is decided by
 * choose-address.ts, how much it bears by warm-up.ts.
 */
import type { Clock } from "../../ground/clock.ts";
import type { Queryable } from "../../ground/database.store.ts";
import { isSameAddress } from "../../ground/ip-address.ts";
import type { Log } from "../../ground/log.process.ts";
import { canReach, laneFrom } from "../route/lane-from.ts";
import type { OwnAddress } from "../route/own-address.ts";
import type { Lane, Route } from "../route/route.ts";
import { type AddressRoom, hasOwn, mayBegin, type SendingAddress } from "./choose-address.ts";
import { type PlaceableMail, placeMails } from "./place-mails.ts";
import {
  findTriedBy,
  giveBackUse,
  type LastTry,
  listOverflowing,
  listSendingAddresses,
  loadUse,
  takeUse,
} from "./sending-address.store.ts";
import { ceilingToday, type UseKey, useKey } from "./warm-up.ts";

export interface PoolParts {
  readonly engine: Queryable;
  readonly clock: Clock;
  readonly log: Log;
  /** Shared and active, while the table has none in use. */
  readonly configured: readonly OwnAddress[];
  /** Can this machine send from it? */
  readonly isHere: (address: string) => Promise<boolean>;
}

export type LaneRoute = Extract<Route, { kind: "lane" }>;

/** A claimed mail, as far as placing it needs to know it. */
export interface ClaimedMail {
  readonly orgId: number;
  readonly id: number;
  readonly generation: number;
  readonly domain: string;
  readonly firstTriedAt: Date | null;
}

export interface MailOnItsWay<Mail extends ClaimedMail> {
  readonly mail: Mail;
  readonly route: LaneRoute;
}

export type Placement<Mail extends ClaimedMail> =
  | { readonly kind: "go"; readonly mail: Mail; readonly route: LaneRoute }
  /** `because` null: an address of another machine, or of a lane that rests, is the one to take; soon it may go. */
  | {
      readonly kind: "wait";
      readonly mail: Mail;
      readonly until: Date;
      readonly because: "warming-up" | "no-address" | null;
    };

/** The lanes by which this node may begin mail; none: another node has the addresses, or (`isHomeless`) nobody has. */
export interface Ways {
  readonly lanes: readonly Lane[];
  readonly isHomeless: boolean;
}

interface PoolAddress extends SendingAddress {
  readonly isHere: boolean;
}

interface Known {
  readonly addresses: readonly PoolAddress[];
  readonly overflowing: ReadonlySet<number>;
}

/** The operator's changes are obeyed within this time. */
export const rereadMs = 3000;
const soonMs = 10_000;
const noAddressMs = 5 * 60_000;
/** Longer ago than any wait that a greylisting server asks for: then another machine's address is not worth waiting for. */
const otherMachineMs = 7 * 3_600_000;
const dayMs = 86_400_000;
/** Use that is older has faded. */
export const rememberedMs = 365 * dayMs;

export class AddressPool {
  readonly #parts: PoolParts;
  #known: Known = { addresses: [], overflowing: new Set() };
  #readAtMs = -Infinity;
  readonly #ways = new Map<string, Ways>();
  #ceilings: { readonly day: string; readonly byKey: Map<string, number | null> } = { day: "", byKey: new Map() };
  /** What has been counted for a claim that is still held; it goes with the claim. */
  readonly #uses = new WeakMap<ClaimedMail, UseKey & { readonly at: Date }>();

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  /** All addresses that are in use or will be, on whatever machine. */
  get addresses(): readonly SendingAddress[] {
    return this.#known.addresses;
  }

  /** Reads the table again when it was read some seconds ago; costs nothing otherwise. */
  async refresh(): Promise<void> {
    if (performance.now() - this.#readAtMs < rereadMs) return;
    const { engine, configured } = this.#parts;
    const listed = await listSendingAddresses(engine);
    const isTableUsed = listed.some(({ state }) => state !== "planned");
    const addresses: readonly PoolAddress[] = isTableUsed
      ? await Promise.all(listed.map(async (each) => ({ ...each, isHere: await this.#isHere(each.address) })))
      : configured.map((own) => ({ ...own, state: "active", orgId: null, isHere: true }));
    this.#tell(addresses);
    this.#known = { addresses, overflowing: await listOverflowing(engine) };
    this.#ways.clear();
    this.#readAtMs = performance.now();
  }

  /** A machine that is out of sockets cannot look: then what was seen last still holds. */
  #isHere(address: string): Promise<boolean> {
    const before = this.#known.addresses.find((each) => each.address === address);
    return this.#parts.isHere(address).catch(() => before?.isHere ?? true);
  }

  /** The addresses by which an organisation's mail may begin, on whatever machine they are. */
  listBeginning(orgId: number, { reach }: LaneRoute): readonly SendingAddress[] {
    const whose = this.#whose(orgId);
    return this.#known.addresses.filter((each) => (!reach || canReach(each, reach)) && mayBegin(each, whose));
  }

  waysOf(orgId: number, { lane, reach }: LaneRoute): Ways {
    const key = `${String(orgId)} ${lane.provider} ${String(reach?.ipv4)} ${String(reach?.ipv6)}`;
    const known = this.#ways.get(key);
    if (known) return known;
    const whose = this.#whose(orgId);
    const usable = this.#known.addresses.filter(
      (each) =>
        (!reach || canReach(each, reach)) &&
        // Those that retire have retries to finish; what else they are claimed for is put on other addresses.
        mayBegin(each.state === "retiring" ? { ...each, state: "active" } : each, whose),
    );
    const here = usable.filter(({ isHere }) => isHere);
    const ways = { lanes: here.map((own) => laneFrom(own, lane.provider)), isHomeless: usable.length === 0 };
    this.#ways.set(key, ways);
    return ways;
  }

  /** One placement for each mail, in any order. What was counted before a failure is given back by `giveBack`. */
  async place<Mail extends ClaimedMail>(
    mails: readonly MailOnItsWay<Mail>[],
    isResting: (laneKey: string) => boolean,
  ): Promise<readonly Placement<Mail>[]> {
    const now = this.#parts.clock.now();
    const tried = await findTriedBy(
      this.#parts.engine,
      mails.flatMap(({ mail }) => (mail.firstTriedAt === null ? [] : [mail])),
    );
    const roomsOf = await this.#readRooms(
      mails.map(({ route }) => route),
      isResting,
      now,
    );
    let open = mails.map(({ mail, route }) => this.#describe(mail, route, { tried, roomsOf, now }));
    const full = new Set<string>();
    const placements: Placement<Mail>[] = [];
    while (open.length > 0) {
      const { settled, again } = await this.#placeOnce(open, full, now);
      placements.push(...settled);
      open = again;
    }
    return placements;
  }

  /** These mails did not go, or no server was reached: others may have their part of the day's ceiling. */
  async giveBack(mails: readonly ClaimedMail[]): Promise<void> {
    const byDay = new Map<string, { at: Date; counts: Map<string, UseKey & { count: number }> }>();
    for (const mail of mails) {
      const use = this.#uses.get(mail);
      if (!use) continue;
      this.#uses.delete(mail);
      const day = byDay.get(dayOf(use.at)) ?? { at: use.at, counts: new Map() };
      byDay.set(dayOf(use.at), day);
      const counted = day.counts.get(useKey(use)) ?? { address: use.address, provider: use.provider, count: 0 };
      day.counts.set(useKey(use), { ...counted, count: counted.count + 1 });
    }
    for (const { at, counts } of byDay.values())
      await giveBackUse(this.#parts.engine, [...counts.values()], at).catch((error: unknown) =>
        this.#parts.log.warn({ err: error }, "what did not go still counts as use of an address today"),
      );
  }

  #whose(orgId: number): { orgId: number; hasOwn: boolean; mayOverflow: boolean } {
    const { addresses, overflowing } = this.#known;
    return { orgId, hasOwn: hasOwn(addresses, orgId), mayOverflow: overflowing.has(orgId) };
  }

  // ---- one batch ----------------------------------------------------------------------------------------------------

  #describe<Mail extends ClaimedMail>(
    mail: Mail,
    route: LaneRoute,
    { tried, roomsOf, now }: Facts,
  ): PlaceableMail & MailOnItsWay<Mail> {
    const { orgId, domain, id } = mail;
    const last = tried.get(id);
    const triedBy = last ? this.#findTried(last, now) : null;
    const mayOverflow = this.#known.overflowing.has(orgId);
    const { provider } = route.lane;
    return { mail, route, orgId, domain, deliveryId: id, triedBy, mayOverflow, provider, addresses: roomsOf(route) };
  }

  #findTried(last: LastTry, now: Date): string | null {
    const found = this.#known.addresses.find(({ address, ipv6 }) =>
      [address, ipv6].some((ours) => ours !== undefined && isSameAddress(ours, last.address)),
    );
    if (!found) return null;
    return found.isHere || now.getTime() - last.at.getTime() < otherMachineMs ? found.address : null;
  }

  async #placeOnce<Mail extends ClaimedMail>(
    open: readonly (PlaceableMail & MailOnItsWay<Mail>)[],
    full: Set<string>,
    now: Date,
  ): Promise<{ settled: Placement<Mail>[]; again: (PlaceableMail & MailOnItsWay<Mail>)[] }> {
    const choices = placeMails(open, full);
    const granted = await this.#take(open, choices, now);
    const settled: Placement<Mail>[] = [];
    const again: (PlaceableMail & MailOnItsWay<Mail>)[] = [];
    for (const [index, asked] of open.entries()) {
      const { mail, route, provider } = asked;
      const choice = choices[index];
      if (choice?.kind !== "address") {
        const because = choice?.because ?? null;
        settled.push({ kind: "wait", mail, because, until: waitUntil(because, now) });
        continue;
      }
      if (choice.address.isAway) {
        settled.push({ kind: "wait", mail, because: null, until: waitUntil(null, now) });
        continue;
      }
      const use = { address: choice.address.address, provider };
      const left = granted.get(useKey(use)) ?? 0;
      granted.set(useKey(use), left - 1);
      if (left > 0) {
        this.#uses.set(mail, { ...use, at: now });
        settled.push({ kind: "go", mail, route: routeBy(choice.address, route) });
        continue;
      }
      full.add(useKey(use));
      again.push(asked);
    }
    return { settled, again };
  }

  /** How many of the chosen mails the day still has room for, by address and provider. */
  async #take(
    asked: readonly PlaceableMail[],
    choices: ReturnType<typeof placeMails>,
    now: Date,
  ): Promise<Map<string, number>> {
    const wishes = new Map<string, UseKey & { wanted: number; ceiling: number | null }>();
    for (const [index, { provider }] of asked.entries()) {
      const choice = choices[index];
      if (choice?.kind !== "address" || choice.address.isAway) continue;
      const use = { address: choice.address.address, provider };
      const ceiling = this.#ceilingOf(choice.address, provider);
      const wish = wishes.get(useKey(use)) ?? { ...use, wanted: 0, ceiling };
      wishes.set(useKey(use), { ...wish, wanted: wish.wanted + 1 });
    }
    if (wishes.size === 0) return new Map();
    const granted = await takeUse(this.#parts.engine, [...wishes.values()], now);
    return new Map([...wishes.keys()].map((key, index) => [key, granted[index] ?? 0]));
  }

  // ---- rooms --------------------------------------------------------------------------------------------------------

  /**
   * The addresses that can reach each domain, with their room. Of an address on this machine the whole ceiling is
   * believed to be free: taking it tells. Of others the use of today is read, for nothing is taken from them here.
   */
  async #readRooms(
    routes: readonly LaneRoute[],
    isResting: (laneKey: string) => boolean,
    now: Date,
  ): Promise<(route: LaneRoute) => readonly AddressRoom[]> {
    const { addresses } = this.#known;
    const providers = [...new Set(routes.map(({ lane }) => lane.provider))];
    await this.#readCeilings(providers, now);
    const elsewhere = addresses.filter(({ isHere, state }) => !isHere && state === "warming");
    const used = await this.#readUseToday(elsewhere, providers, now);
    const made = new Map<string, readonly AddressRoom[]>();
    return ({ lane: { provider }, reach }) => {
      const key = `${provider} ${String(reach?.ipv4)} ${String(reach?.ipv6)}`;
      const rooms =
        made.get(key) ??
        addresses
          .filter((each) => !reach || canReach(each, reach))
          .map((each) => {
            const ceiling = this.#ceilingOf(each, provider);
            const room = ceiling === null ? null : ceiling - (used.get(useKey({ ...each, provider })) ?? 0);
            return { ...each, room, isAway: !each.isHere || isResting(laneFrom(each, provider).key) };
          });
      made.set(key, rooms);
      return rooms;
    };
  }

  async #readUseToday(
    addresses: readonly SendingAddress[],
    providers: readonly string[],
    now: Date,
  ): Promise<ReadonlyMap<string, number>> {
    if (addresses.length === 0) return new Map();
    const names = addresses.map(({ address }) => address);
    const use = await loadUse(this.#parts.engine, names, now, providers);
    return new Map([...use].map(([key, days]) => [key, days.find(({ day }) => day === dayOf(now))?.sent ?? 0]));
  }

  #ceilingOf({ address, state }: SendingAddress, provider: string): number | null {
    return state === "warming" ? (this.#ceilings.byKey.get(useKey({ address, provider })) ?? null) : null;
  }

  /** Ceilings depend on the days before today only, so they are read once a day. */
  async #readCeilings(providers: readonly string[], now: Date): Promise<void> {
    if (this.#ceilings.day !== dayOf(now)) this.#ceilings = { day: dayOf(now), byKey: new Map() };
    const { byKey } = this.#ceilings;
    const warming = this.#known.addresses.filter(({ state }) => state === "warming").map(({ address }) => address);
    const unread = providers.filter((provider) => warming.some((address) => !byKey.has(useKey({ address, provider }))));
    if (unread.length === 0) return;
    const use = await loadUse(this.#parts.engine, warming, new Date(now.getTime() - rememberedMs), unread);
    for (const provider of unread)
      for (const address of warming) {
        const key = useKey({ address, provider });
        byKey.set(key, ceilingToday(use.get(key) ?? [], provider, now));
      }
  }

  #tell(addresses: readonly PoolAddress[]): void {
    const told = (each: readonly PoolAddress[]) =>
      each.map(({ address, state, isHere }) => `${address} ${state} ${String(isHere)}`).join();
    if (told(addresses) === told(this.#known.addresses)) return;
    const here = addresses.filter(({ isHere }) => isHere).map(({ address, state }) => `${address} (${state})`);
    const elsewhere = addresses.filter(({ isHere }) => !isHere).map(({ address }) => address);
    this.#parts.log.info({ here, elsewhere }, "the addresses that mail leaves from");
  }
}

interface Facts {
  readonly tried: ReadonlyMap<number, LastTry>;
  readonly roomsOf: (route: LaneRoute) => readonly AddressRoom[];
  readonly now: Date;
}

function routeBy(own: OwnAddress, route: LaneRoute): LaneRoute {
  const lane = laneFrom(own, route.lane.provider);
  return { ...route, lane, target: `${lane.key}:${route.reach?.servers ?? route.target}` };
}

/** Until tomorrow (days of UTC) for room; for an address, until the operator may have added one; otherwise a moment. */
export function waitUntil(because: "warming-up" | "no-address" | null, now: Date): Date {
  if (because === "warming-up") return new Date((Math.floor(now.getTime() / dayMs) + 1) * dayMs);
  return new Date(now.getTime() + (because === null ? soonMs : noAddressMs));
}

function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10);
}
