/** Where a domain's mail goes, and in which lane. Types only: channels find routes, `shape/` keeps the lanes to their limits. */
import type { RemoteWord } from "@roundtrip/mail/smtp/reply";

/** Mails that share limits, over all nodes: one of our addresses towards one provider. */
export interface Lane {
  /** `relay:smtp.example.com:587`, `world:2525`, `mx:192.0.2.10:google`. */
  readonly key: string;
  /** A word of provider.ts; `relay`, `world`; or `own:<domain of the mail host>` for an organisation's own server. */
  readonly provider: string;
}

export type Route =
  | {
      readonly kind: "lane";
      readonly lane: Lane;
      /** Mails with the same target may share a connection: the same servers take them. */
      readonly target: string;
    }
  /** Nothing can be handed over; `word` says why, with our own words and a code of RFC 3463, and whether that may pass. */
  | { readonly kind: "no-route"; readonly word: RemoteWord };
