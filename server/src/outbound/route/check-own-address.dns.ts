/**
 * Checks one of our sending addresses as receivers do: its name (PTR), whether that name leads back to it (forward-confirmed
 * reverse DNS), and whether the name it says hello with is its own. Findings for people; it mends nothing.
 */
import { isIpv6, isSameAddress, readIpAddress } from "../../ground/ip-address.ts";
import type { DnsClient } from "./dns-client.dns.ts";
import type { OwnAddress } from "./own-address.ts";

export interface AddressFinding {
  readonly id: "address.ptr" | "address.fcrdns" | "address.helo" | "address.helo-is-ptr";
  readonly level: "good" | "warning" | "bad" | "unknown";
  /** What was found, as DNS says it. */
  readonly evidence: string;
  /** What to do; null where nothing is. */
  readonly fix: string | null;
}

export async function checkOwnAddress(dns: DnsClient, { address, heloName }: OwnAddress): Promise<AddressFinding[]> {
  const reverse = await dns.ask(writeReverseName(address), "PTR");
  const helo = await findAddresses(dns, heloName, address);
  const findings: AddressFinding[] = [judgeHelo(helo, heloName, address)];
  if (reverse.kind === "failed" || reverse.kind === "alias-loop")
    return [unknown("address.ptr", `The name of ${address} could not be looked up`), ...findings];
  if (reverse.kind !== "records") return [noName(address, heloName), ...findings];
  const names = reverse.records.slice(0, 5);
  const backwards = await Promise.all(names.map((name) => findAddresses(dns, name, address)));
  const confirmed = names.filter((_, index) => backwards[index]?.includes(address));
  return [
    { id: "address.ptr", level: "good", evidence: `${address} is called ${names.join(", ")}`, fix: null },
    judgeForward(confirmed, { names, address, areKnown: backwards.every((each) => each !== null) }),
    judgeSameName(confirmed, heloName, address),
    ...findings,
  ];
}

/** `10.2.0.192.in-addr.arpa`; nibbles under `ip6.arpa` (RFC 3596 §2.5). */
export function writeReverseName(address: string): string {
  const bytes = readIpAddress(address) ?? [];
  if (!isIpv6(address)) return `${bytes.toReversed().join(".")}.in-addr.arpa`;
  const nibbles = bytes.flatMap((byte) => [byte >> 4, byte & 0xf]).map((nibble) => nibble.toString(16));
  return `${nibbles.toReversed().join(".")}.ip6.arpa`;
}

/** Null: nobody could say. The address itself is written as ours, whatever notation DNS used. */
async function findAddresses(dns: DnsClient, name: string, ours: string): Promise<readonly string[] | null> {
  const answer = await dns.ask(name.toLowerCase(), isIpv6(ours) ? "AAAA" : "A");
  if (answer.kind === "failed" || answer.kind === "alias-loop") return null;
  if (answer.kind !== "records") return [];
  return answer.records.map((address) => (isSameAddress(address, ours) ? ours : address));
}

function noName(address: string, heloName: string): AddressFinding {
  return {
    id: "address.ptr",
    level: "bad",
    evidence: `${address} has no name (PTR record)`,
    fix: `Ask whoever gave you ${address} to set its PTR record to ${heloName}: Google, Microsoft and others refuse mail from addresses without a name.`,
  };
}

function judgeForward(
  confirmed: readonly string[],
  { names, address, areKnown }: { names: readonly string[]; address: string; areKnown: boolean },
): AddressFinding {
  const id = "address.fcrdns";
  if (confirmed.length > 0)
    return { id, level: "good", evidence: `${confirmed.join(", ")} leads back to ${address}`, fix: null };
  if (!areKnown) return unknown(id, `The addresses of ${names.join(", ")} could not be looked up`);
  return {
    id,
    level: "bad",
    evidence: `${names.join(", ")} does not lead back to ${address}`,
    fix: `Give ${names[0] ?? "that name"} an address record that says ${address}.`,
  };
}

function judgeSameName(confirmed: readonly string[], heloName: string, address: string): AddressFinding {
  const isSame = confirmed.includes(heloName.toLowerCase());
  return {
    id: "address.helo-is-ptr",
    level: isSame ? "good" : "warning",
    evidence: isSame
      ? `${address} says hello with its own name`
      : `${address} says hello as ${heloName}, which is not its PTR name`,
    fix: isSame ? null : `Let the PTR record of ${address} say ${heloName}, or say hello with the name it has.`,
  };
}

function judgeHelo(found: readonly string[] | null, heloName: string, address: string): AddressFinding {
  const id = "address.helo";
  if (found === null) return unknown(id, `The address of ${heloName} could not be looked up`);
  if (found.includes(address)) return { id, level: "good", evidence: `${heloName} is ${address}`, fix: null };
  const evidence =
    found.length === 0 ? `${heloName} has no address` : `${heloName} is ${found.join(", ")}, not ${address}`;
  return { id, level: "bad", evidence, fix: `Give ${heloName} an address record that says ${address}.` };
}

function unknown(id: AddressFinding["id"], evidence: string): AddressFinding {
  return { id, level: "unknown", evidence, fix: "Try again later, and check that the resolver answers." };
}
