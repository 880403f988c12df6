/** The two ends of a connection, as an attempt writes them down. It names nobody: neither the person nor the mail. */

/** Where the mail was handed over, as far as it came. */
export interface Place {
  readonly host: string;
  readonly address: string | null;
  readonly localAddress: string | null;
  /** Version, cipher and certificate verdict in one short text; null in clear. */
  readonly tls: string | null;
}
