/** For `roundtrip doctor`: every address that mail leaves from, checked in DNS as receivers do (check-own-address.dns.ts). */
import type { ChannelConfig } from "../ground/config.ts";
import type { Database } from "../ground/database.store.ts";
import { isSameAddress } from "../ground/ip-address.ts";
import { explainUnfitAddress } from "../outbound/route/address-scope.ts";
import { type AddressFinding, checkOwnAddress } from "../outbound/route/check-own-address.dns.ts";
import { createDnsClient, type DnsClient } from "../outbound/route/dns-client.dns.ts";
import type { OwnAddress } from "../outbound/route/own-address.ts";
import { listSendingAddresses } from "../outbound/shape/sending-address.store.ts";
import type { Finding } from "./finding.ts";

type MxConfig = Extract<ChannelConfig, { kind: "mx" }>;

/** Those of the configuration and those of the table, each once: one line where all is well, else one for each fault. */
export async function checkSendingAddresses(database: Database, channel: MxConfig): Promise<readonly Finding[]> {
  const dns = createDnsClient({ resolvers: channel.resolvers, nowMs: () => performance.now() });
  const addresses = listEachOnce([...channel.addresses, ...(await listSendingAddresses(database.engine))]);
  const findings = await Promise.all(addresses.map((own) => checkOne(dns, own, channel.mayPointInside)));
  return findings.flat();
}

/** Both kinds of address apart: each has its own name. The table is the younger word on what an address is called. */
function listEachOnce(addresses: readonly OwnAddress[]): readonly OwnAddress[] {
  const each = addresses.flatMap(({ address, ipv6, heloName }) => [
    { address, heloName },
    ...(ipv6 === undefined ? [] : [{ address: ipv6, heloName }]),
  ]);
  return each.filter(
    ({ address }, index) => !each.slice(index + 1).some((later) => isSameAddress(later.address, address)),
  );
}

async function checkOne(dns: DnsClient, own: OwnAddress, isInside: boolean): Promise<readonly Finding[]> {
  const unfit = isInside ? null : explainUnfitAddress(own.address);
  if (unfit !== null) {
    const text = `${own.address} is ${unfit}, so receivers see another one, which cannot be checked from here. See that the PTR record of that one says ${own.heloName}, and that ${own.heloName} leads back to it.`;
    return [{ level: "warning", text }];
  }
  const findings = await checkOwnAddress(dns, own);
  const faults = findings.filter(({ level }) => level !== "good");
  if (faults.length > 0) return faults.map(present);
  return [{ level: "good", text: `${own.address} says hello as ${own.heloName}, and its PTR record agrees.` }];
}

function present({ level, evidence, fix }: AddressFinding): Finding {
  const text = `${evidence}.${fix === null ? "" : ` ${fix}`}`;
  return { level: level === "bad" ? "wrong" : "warning", text };
}
