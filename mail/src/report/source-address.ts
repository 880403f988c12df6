/** Reads the IP address of a reported source into its one canonical notation. Strict: no octal, no zone, no port, no blanks. Pure. */

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** Null for anything that is no address. */
export function readSourceAddress(text: string): string | null {
  if (IPV4.test(text)) return text;
  if (text.length > 45 || !/^[0-9a-f:.]{2,}$/i.test(text) || !text.includes(":")) return null;
  // RFC 5952: the URL parser of the language writes IPv6 in the canonical form.
  const host = URL.parse(`http://[${text}]/`)?.hostname;
  return host ? host.slice(1, -1) : null;
}
