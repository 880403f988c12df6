/** Looks over the raw bytes of an incoming mail before it is kept: line ends that could smuggle a second mail, and mail loops. */

export type ByteFault = "bare-line-end" | "too-many-hops";

const CR = 0x0d;
const LF = 0x0a;
/** RFC 5321 §6.3: at least 100 hops mean a loop. */
const mostHops = 100;

/** Null when the bytes may be kept. A CR without LF, or LF without CR, is refused (SMTP smuggling). */
export function findByteFault(raw: Buffer): ByteFault | null {
  if (hasBareLineEnd(raw)) return "bare-line-end";
  return countHops(raw) >= mostHops ? "too-many-hops" : null;
}

function hasBareLineEnd(raw: Buffer): boolean {
  for (let at = raw.indexOf(LF); at !== -1; at = raw.indexOf(LF, at + 1)) if (raw[at - 1] !== CR) return true;
  for (let at = raw.indexOf(CR); at !== -1; at = raw.indexOf(CR, at + 1)) if (raw[at + 1] !== LF) return true;
  return false;
}

function countHops(raw: Buffer): number {
  const headerEnd = raw.indexOf("\r\n\r\n");
  const header = raw.subarray(0, Math.min(headerEnd === -1 ? raw.length : headerEnd, 256 * 1024)).toString("latin1");
  return header.match(/^received:/gim)?.length ?? 0;
}
