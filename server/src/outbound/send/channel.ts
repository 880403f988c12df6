/** A way out: something that opens SMTP connections. What one attempt comes to is said by the connection; what follows, by `outcome/`. */
import type { Connection, ConnectFailure } from "./smtp-connection.smtp.ts";

export interface Channel {
  readonly kind: "world" | "relay";
  /** Mails of one lane may share a connection. */
  laneOf(address: string): string;
  open(lane: string): Promise<Connection | ConnectFailure>;
}
