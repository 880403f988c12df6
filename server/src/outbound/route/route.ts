/** Where a domain's mail goes, and in which lane. Types only: channels find routes, `shape/` keeps the lanes to their limits. */
import type { RemoteWord } from "@roundtrip/mail/smtp/reply";
import type { OwnAddress } from "./own-address.ts";

/** Mails that share limits, over all nodes: one of our addresses towards one provider. */
export interface Lane {
  /** `relay:smtp.example.com:587`, `world:2525`, `mx:192.0.2.10:google`. */
  readonly key: string;
  /** A word of provider.ts; `relay`, `world`; or `own:<domain of the mail host>` for an organisation's own server. */
  readonly provider: string;
  /** The address that its mail leaves by, where that is ours to choose. */
  readonly from?: OwnAddress;
}

export type Route =
  | {
      readonly kind: "lane";
      readonly lane: Lane;
      /** Mails with the same target may share a connection: the same servers take them. */
      readonly target: string;
      /** Where several of our addresses may carry the mail: what one of them must reach (shape/address-pool.store.ts). */
      readonly reach?: Reach;
    }
  /** Nothing can be handed over; `word` says why, with our own words and a code of RFC 3463, and whether that may pass. */
  | { readonly kind: "no-route"; readonly word: RemoteWord };

export interface Reach {
  /** The target without our address. */
  readonly servers: string;
  /** Some of the servers can be reached by IPv4, by IPv6. */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}
