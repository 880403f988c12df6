/**
 * A way out: knows where a domain's mail goes and opens connections there. What an attempt comes to is said by the
 * connection; what follows, by `outcome/`; how fast, by `shape/`.
 */
import type { Lane, Route } from "../route/route.ts";
import type { Connection, ConnectFailure } from "./smtp-connection.smtp.ts";

export interface Channel {
  readonly kind: "world" | "relay" | "mx";
  /** Never rejects; remembered by the channel for as long as it holds. */
  route(domain: string): Promise<Route>;
  /** A connection that takes mail for this domain. */
  open(lane: Lane, domain: string): Promise<Connection | ConnectFailure>;
}
