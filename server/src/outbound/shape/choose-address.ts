/**
 * Which of our own addresses a mail leaves by. Promises: a retry leaves by the address of the first try while that
 * exists (a greylisting server knows it), nothing leaves by an address that was not published yet, a warming address
 * never carries more than its ceiling, and nobody's mail takes a shared address unasked. Pure.
 */

/** One of the addresses our mail leaves from. */
export interface SendingAddress {
  readonly address: string;
  readonly heloName: string;
  /** `planned`: published and not used yet; `warming`: up to its ceilings; `retiring`: retries of its own mail only. */
  readonly state: "planned" | "warming" | "active" | "retiring";
  /** Whose alone it is; null: shared by organisations that have none of their own. */
  readonly orgId: number | null;
  /** An IPv6 address that goes with it; only the configuration names such pairs. */
  readonly ipv6?: string | undefined;
}

/** An address with the number of mails that may still go by it today to the provider at hand; null: no ceiling. */
export interface AddressRoom extends SendingAddress {
  readonly room: number | null;
  /** Not usable at this moment by whoever asks: on another machine, or its lane rests. Taken only where no other will do. */
  readonly isAway?: boolean;
}

export interface MailToPlace {
  readonly orgId: number;
  readonly domain: string;
  readonly deliveryId: number;
  /** The address it was tried by before; null at the first try. */
  readonly triedBy: string | null;
  /** The organisation lets mail overflow to shared addresses while its own are warming up. */
  readonly mayOverflow: boolean;
}

export type AddressChoice =
  | { readonly kind: "address"; readonly address: AddressRoom }
  /** `warming-up`: tomorrow there is room again; `no-address`: the operator must add one. */
  | { readonly kind: "wait"; readonly because: "warming-up" | "no-address" };

/** The same mail and the same addresses always give the same choice; order does not matter. */
export function chooseAddress(mail: MailToPlace, addresses: readonly AddressRoom[]): AddressChoice {
  const tried = addresses.find(({ address, state }) => address === mail.triedBy && state !== "planned");
  if (tried && isOpenTo(tried, mail)) return hasRoom(tried) ? take(tried) : { kind: "wait", because: "warming-up" };
  const whose = { ...mail, hasOwn: hasOwn(addresses, mail.orgId) };
  const usable = addresses.filter((address) => mayBegin(address, whose));
  const own = usable.filter(({ orgId }) => orgId !== null);
  const chosen = pick(own, mail) ?? pick(usable, mail);
  if (chosen) return take(chosen);
  return { kind: "wait", because: usable.length > 0 ? "warming-up" : "no-address" };
}

/** Whether the organisation has addresses of its own that were in use once: then it stays with them. */
export function hasOwn(addresses: readonly SendingAddress[], org: number): boolean {
  return addresses.some(({ orgId, state }) => orgId === org && state !== "planned");
}

/** May this address begin a mail of the organisation? A retry goes by the address that began it. */
export function mayBegin(
  { state, orgId }: SendingAddress,
  mail: { readonly orgId: number; readonly hasOwn: boolean; readonly mayOverflow: boolean },
): boolean {
  if (state !== "active" && state !== "warming") return false;
  return orgId === null ? !mail.hasOwn || mail.mayOverflow : orgId === mail.orgId;
}

/** A mail that overflowed keeps its shared address for retries, even when overflow was switched off meanwhile. */
function isOpenTo({ orgId }: SendingAddress, mail: MailToPlace): boolean {
  return orgId === null || orgId === mail.orgId;
}

/** What a retiring address began it may finish, however little it sends by now. */
function hasRoom({ state, room }: AddressRoom): boolean {
  return state !== "warming" || room === null || room > 0;
}

function take(address: AddressRoom): AddressChoice {
  return { kind: "address", address };
}

/**
 * The one that scores highest for this mail (rendezvous hashing): mails spread evenly, and when an address comes or goes
 * only those move that must.
 */
function pick(addresses: readonly AddressRoom[], mail: MailToPlace): AddressRoom | null {
  let best: { readonly address: AddressRoom; readonly score: number } | null = null;
  const free = addresses.filter(hasRoom);
  const present = free.filter(({ isAway }) => isAway !== true);
  for (const address of present.length > 0 ? present : free) {
    const score = hashOf(`${mail.domain} ${String(mail.deliveryId)} ${address.address}`);
    const isBetter =
      best === null || score > best.score || (score === best.score && address.address < best.address.address);
    if (isBetter) best = { address, score };
  }
  return best?.address ?? null;
}

/** FNV-1a with a last stir, so that texts that differ in one digit land far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
