/**
 * Says which IP addresses a stranger's DNS may send our mail to: public unicast ones, and no others (RFC 6890 and the
 * registries it set up). An IPv6 address that only carries an IPv4 one is judged by what it carries. It does not know our
 * own addresses, and it never looks anything up.
 */
import { readIpAddress } from "../../ground/ip-address.ts";

/** Why mail must not go there, as the end of a sentence that begins with the address; null where it may. */
export function explainUnfitAddress(address: string): string | null {
  const bytes = readIpAddress(address);
  if (!bytes) return "no IP address";
  const carried = bytes.length === 16 ? findCarried(bytes) : null;
  if (carried) return explainUnfitAddress(carried.join("."));
  const networks = bytes.length === 4 ? IPV4_NETWORKS : IPV6_NETWORKS;
  const unfit = networks.find(({ prefix, bits }) => isWithin(bytes, prefix, bits));
  if (unfit) return unfit.what;
  return bytes.length === 16 && !isWithin(bytes, [0x20], 3) ? "an address that nobody has been given" : null;
}

interface Network {
  readonly prefix: readonly number[];
  readonly bits: number;
  readonly what: string;
}

const IPV4_NETWORKS: readonly Network[] = [
  { prefix: [0], bits: 8, what: "no address of a host" },
  { prefix: [10], bits: 8, what: "a private address" },
  { prefix: [100, 64], bits: 10, what: "a private address" },
  { prefix: [127], bits: 8, what: "the loopback address of every machine" },
  { prefix: [169, 254], bits: 16, what: "a link-local address" },
  { prefix: [172, 16], bits: 12, what: "a private address" },
  { prefix: [192, 0, 0], bits: 24, what: "an address for special purposes" },
  { prefix: [192, 0, 2], bits: 24, what: "an address for examples" },
  { prefix: [192, 88, 99], bits: 24, what: "an address for special purposes" },
  { prefix: [192, 168], bits: 16, what: "a private address" },
  { prefix: [198, 18], bits: 15, what: "an address for measurements" },
  { prefix: [198, 51, 100], bits: 24, what: "an address for examples" },
  { prefix: [203, 0, 113], bits: 24, what: "an address for examples" },
  { prefix: [224], bits: 4, what: "a multicast address" },
  { prefix: [240], bits: 4, what: "an address that nobody has been given" },
];

/** Outside 2000::/3 nothing is public; the names here are for people. */
const IPV6_NETWORKS: readonly Network[] = [
  { prefix: [...zeros(15), 1], bits: 128, what: "the loopback address of every machine" },
  { prefix: zeros(16), bits: 128, what: "no address of a host" },
  { prefix: [0xfc], bits: 7, what: "a private address" },
  { prefix: [0xfe, 0x80], bits: 10, what: "a link-local address" },
  { prefix: [0xfe, 0xc0], bits: 10, what: "a private address" },
  { prefix: [0xff], bits: 8, what: "a multicast address" },
  { prefix: [0x20, 0x01, 0x0d, 0xb8], bits: 32, what: "an address for examples" },
  { prefix: [0x3f, 0xff, 0x00], bits: 20, what: "an address for examples" },
  // Teredo tunnels, benchmarks, ORCHID: no mail server lives on any of them.
  { prefix: [0x20, 0x01, 0x00], bits: 23, what: "an address for special purposes" },
];

/** IPv4-mapped and -translated (RFC 4291 §2.5.5, RFC 7915), the well-known NAT64 prefix (RFC 6052 §2.1), 6to4 (RFC 3056 §2). */
function findCarried(bytes: readonly number[]): readonly number[] | null {
  const last = bytes.slice(12);
  if (isWithin(bytes, [...zeros(10), 0xff, 0xff], 96)) return last;
  if (isWithin(bytes, [...zeros(8), 0xff, 0xff, 0, 0], 96)) return last;
  if (isWithin(bytes, [0x00, 0x64, 0xff, 0x9b, ...zeros(8)], 96)) return last;
  return isWithin(bytes, [0x20, 0x02], 16) ? bytes.slice(2, 6) : null;
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

function isWithin(bytes: readonly number[], prefix: readonly number[], bits: number): boolean {
  const whole = Math.floor(bits / 8);
  for (let index = 0; index < whole; index += 1) if (bytes[index] !== (prefix[index] ?? 0)) return false;
  const rest = bits % 8;
  return rest === 0 || (bytes[whole] ?? 0) >> (8 - rest) === (prefix[whole] ?? 0) >> (8 - rest);
}
