/** Reads IP addresses, and addresses with a port, strictly: what has two readings elsewhere (octal, zones, blanks) has none here. Pure. */

/** 4 or 16 bytes; null for anything but the usual notation (no octal, no zone, no blanks). */
export function readIpAddress(text: string): readonly number[] | null {
  return text.includes(":") ? readIpv6(text) : readIpv4(text);
}

export function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** Two notations of one address are the same address. */
export function isSameAddress(left: string, right: string): boolean {
  const [a, b] = [readIpAddress(left), readIpAddress(right)];
  return a !== null && b !== null && unwrap(a).join() === unwrap(b).join();
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`; null for anything else, names among them. */
export function readEndpoint(text: string, usualPort: number): Endpoint | null {
  if (readIpAddress(text)) return { address: text, port: usualPort };
  const [, bracketed, plain, port = ""] = /^(?:\[([0-9a-f.:]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text) ?? [];
  const address = bracketed ?? plain;
  return address !== undefined && readIpAddress(address) && Number(port) <= 65_535
    ? { address, port: Number(port) }
    : null;
}

/** An IPv4 address that is only wrapped (RFC 4291 §2.5.5.2) is that address. */
function unwrap(bytes: readonly number[]): readonly number[] {
  const isMapped = bytes.length === 16 && bytes.slice(0, 12).join() === MAPPED_PREFIX;
  return isMapped ? bytes.slice(12) : bytes;
}

const MAPPED_PREFIX = [...zeros(10), 0xff, 0xff].join();

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

function readIpv4(text: string): readonly number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return null;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

function readIpv6(text: string): readonly number[] | null {
  const halves = text.toLowerCase().split("::");
  if (halves.length > 2) return null;
  const groups = halves.map((half, index) => readGroups(half, index === halves.length - 1));
  const [head, tail] = groups;
  if (!head || tail === null) return null;
  if (tail === undefined) return head.length === 16 ? head : null;
  const missing = 16 - head.length - tail.length;
  return missing >= 2 ? [...head, ...zeros(missing), ...tail] : null;
}

/** Groups of four hex digits as bytes; the last may be an IPv4 address. */
function readGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    const ipv4 = mayEndInIpv4 && index === groups.length - 1 && group.includes(".") ? readIpv4(group) : null;
    if (ipv4) bytes.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff);
    else return null;
  }
  return bytes;
}
