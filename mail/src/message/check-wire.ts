/**
 * The last look at the bytes before they are sent (RFC 5321 §2.3.8, §4.5.2, §4.5.3.1.6): nothing in them that two servers
 * could read differently, which is what SMTP smuggling lives on. It mends nothing and looks only at line structure.
 */
import { failed, ok, type Result } from "../result.ts";

export type WireProblem = "bare-cr" | "bare-lf" | "nul" | "long-line" | "leading-dot" | "no-final-crlf";

/** Without its CRLF (RFC 5322 §2.1.1). */
const LINE_MAX_OCTETS = 998;
const NUL = 0;
const LF = 10;
const CR = 13;
const DOT = 0x2e;

/** Ok with the number of lines, or the first thing that must not be sent. */
export function checkWire(bytes: Buffer): Result<number, WireProblem> {
  if (bytes.includes(NUL)) return failed("nul");
  let lines = 0;
  let start = 0;
  while (start < bytes.length) {
    if (bytes[start] === DOT) return failed("leading-dot");
    const cr = bytes.indexOf(CR, start);
    const lf = bytes.indexOf(LF, start);
    if (lf !== -1 && (cr === -1 || lf < cr)) return failed("bare-lf");
    if (cr === -1) return failed("no-final-crlf");
    if (lf !== cr + 1) return failed("bare-cr");
    if (cr - start > LINE_MAX_OCTETS) return failed("long-line");
    lines += 1;
    start = lf + 1;
  }
  return lines === 0 ? failed("no-final-crlf") : ok(lines);
}
