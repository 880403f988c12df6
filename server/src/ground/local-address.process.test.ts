/** Tells addresses of this machine from others. */
import { expect, it } from "vitest";
import { isLocalAddress } from "./local-address.process.ts";

it("knows every loopback address as its own, and no address for examples", async () => {
  expect(await Promise.all(["127.0.0.1", "127.0.0.77", "192.0.2.1", "2001:db8::1"].map(isLocalAddress))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
