/** The lane that an address of ours makes with a provider, and whether it leads anywhere. Pure. */
import { isIpv6 } from "../../ground/ip-address.ts";
import type { OwnAddress } from "./own-address.ts";
import type { Lane, Reach } from "./route.ts";

/** The lane of mail from this address to this provider. */
export function laneFrom({ address, heloName, ipv6 }: OwnAddress, provider: string): Lane {
  return { key: `mx:${address}:${provider}`, provider, from: { address, heloName, ipv6 } };
}

/** Can a connection from this address come about at all? */
export function canReach({ address, ipv6 }: OwnAddress, reach: Reach): boolean {
  return [address, ipv6].some((ours) => ours !== undefined && (isIpv6(ours) ? reach.ipv6 : reach.ipv4));
}
