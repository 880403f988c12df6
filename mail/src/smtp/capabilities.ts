/**
 * Reads what a server offers in its answer to EHLO (RFC 5321 §4.1.1.1). Unknown keywords are passed over, and a keyword
 * with a bad parameter counts as if the parameter were missing. It decides nothing: session.ts and envelope.ts do.
 */
import type { Reply } from "./reply.ts";

export interface Capabilities {
  /** RFC 2920. */
  readonly pipelining: boolean;
  /** The largest message in bytes (RFC 1870); Infinity when offered without a limit, null when not offered. */
  readonly size: number | null;
  /** RFC 6152. */
  readonly eightBitMime: boolean;
  /** RFC 6531. */
  readonly smtpUtf8: boolean;
  /** RFC 3207. */
  readonly startTls: boolean;
  /** Mechanisms in upper case (RFC 4954). */
  readonly auth: readonly string[];
  /** RFC 3461. */
  readonly dsn: boolean;
  /** RFC 2034. */
  readonly enhancedStatusCodes: boolean;
  /** RFC 3030. */
  readonly chunking: boolean;
}

/** What a server that only knows HELO offers. */
export const NO_CAPABILITIES: Capabilities = {
  pipelining: false,
  size: null,
  eightBitMime: false,
  smtpUtf8: false,
  startTls: false,
  auth: [],
  dsn: false,
  enhancedStatusCodes: false,
  chunking: false,
};

/** `reply` is the positive answer to EHLO; its first line is only the server's name. */
export function readCapabilities(reply: Reply): Capabilities {
  const offered = new Map<string, readonly string[]>();
  for (const line of reply.lines.slice(1)) {
    // Old servers write `AUTH=LOGIN PLAIN` beside or instead of `AUTH LOGIN PLAIN`.
    const [keyword = "", ...parameters] = line
      .trim()
      .toUpperCase()
      .split(/[\s=]+/);
    offered.set(keyword, [...(offered.get(keyword) ?? []), ...parameters]);
  }
  return {
    pipelining: offered.has("PIPELINING"),
    size: readSize(offered.get("SIZE")),
    eightBitMime: offered.has("8BITMIME"),
    smtpUtf8: offered.has("SMTPUTF8"),
    startTls: offered.has("STARTTLS"),
    auth: [...new Set(offered.get("AUTH"))],
    dsn: offered.has("DSN"),
    enhancedStatusCodes: offered.has("ENHANCEDSTATUSCODES"),
    chunking: offered.has("CHUNKING"),
  };
}

/** RFC 1870 §3: zero, or no number, is no fixed limit. */
function readSize(parameters: readonly string[] | undefined): number | null {
  if (parameters === undefined) return null;
  const [limit = ""] = parameters;
  return /^0*[1-9]\d{0,19}$/.test(limit) ? Number(limit) : Infinity;
}
