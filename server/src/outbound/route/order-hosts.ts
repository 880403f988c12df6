/**
 * Puts the servers of a domain in the order in which they are tried (RFC 5321 §5.1): by preference, shuffled among equals
 * so that load spreads, and those that could not be reached a moment ago after all the others. Pure: chance comes in.
 */
import type { MailHost } from "./find-route.dns.ts";

export interface Try {
  readonly host: MailHost;
  readonly address: string;
}

export interface OrderRules {
  /** In [0, 1). */
  readonly chance: () => number;
  readonly isReachable: (address: string) => boolean;
  /** Can we send to it at all, having an address of its kind? */
  readonly isOurKind: (address: string) => boolean;
}

const TRIES_MAX = 6;
/** Of one host: its further addresses are most often the same machine. */
const ADDRESSES_MAX = 3;

/** Every host comes before any second address of another one with the same preference. */
export function orderHosts(hosts: readonly MailHost[], { chance, isReachable, isOurKind }: OrderRules): readonly Try[] {
  const tries = shuffle(hosts, chance).flatMap((host) =>
    shuffle(host.addresses.filter(isOurKind), chance)
      .slice(0, ADDRESSES_MAX)
      .map((address, turn) => ({ host, address, turn, rank: isReachable(address) ? 0 : 1 })),
  );
  return tries
    .toSorted((a, b) => a.rank - b.rank || a.host.preference - b.host.preference || a.turn - b.turn)
    .slice(0, TRIES_MAX)
    .map(({ host, address }) => ({ host, address }));
}

/** Fisher and Yates. */
function shuffle<Item>(items: readonly Item[], chance: () => number): readonly Item[] {
  const mixed = [...items];
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(chance() * (last + 1));
    const [a, b] = [mixed[last], mixed[other]];
    if (a !== undefined && b !== undefined) [mixed[last], mixed[other]] = [b, a];
  }
  return mixed;
}
