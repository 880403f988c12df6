/** The configuration is read whole, and every fault comes with its cure. */
import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";
import { Refusal } from "./refusal.ts";

function faultsOf(environment: Record<string, string>): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof Refusal) return error.message;
  }
  return "";
}

describe("readConfig", () => {
  it("has a working default for everything", () => {
    const config = readConfig({ PATH: "/bin" });
    expect(config.channel).toEqual({ kind: "world", port: null });
    expect(config.roles).toEqual(["web", "sender", "receiver", "worker"]);
    expect(config.databaseUrl).toBeNull();
  });

  it("reports all faults together, each with its cure", () => {
    const said = faultsOf({
      ROUNDTRIP_WEB_PORT: "many",
      ROUNDTRIP_BOUNCE_DOMAIN: "no domain",
      DATABASE_URL: "mysql://x",
    });
    expect(said).toContain("ROUNDTRIP_WEB_PORT");
    expect(said).toContain("give a domain name");
    expect(said).toContain("leave it out to use the embedded database");
  });

  it("refuses a misspelt setting and names the right one", () => {
    expect(faultsOf({ ROUNDTRIP_WEB_PROT: "80" })).toContain("Did you mean ROUNDTRIP_WEB_PORT?");
  });

  it("knows an installation by its name, however that is written", () => {
    expect(readConfig({}).instance).toBeNull();
    expect(readConfig({ ROUNDTRIP_INSTANCE: "" }).instance).toBeNull();
    expect(readConfig({ ROUNDTRIP_INSTANCE: "Production" }).instance).toBe("production");
    expect(faultsOf({ ROUNDTRIP_INSTANCE: "our production" })).toContain("give this installation a short name");
  });

  it("never lets a relay password travel in clear", () => {
    const relay = {
      ROUNDTRIP_CHANNEL: "relay",
      ROUNDTRIP_RELAY_URL: "smtp://user:secret@relay.example.com",
      ROUNDTRIP_PUBLIC_URL: "https://survey.example.com",
    };
    expect(faultsOf({ ...relay, ROUNDTRIP_RELAY_TLS: "opportunistic" })).toContain("never sent in clear");
    expect(readConfig(relay).channel).toMatchObject({ tls: "required", port: 587 });
  });

  it("says which setting the relay channel needs", () => {
    expect(faultsOf({ ROUNDTRIP_CHANNEL: "relay" })).toContain("ROUNDTRIP_RELAY_URL is missing");
    expect(faultsOf({ ROUNDTRIP_CHANNEL: "relay", ROUNDTRIP_RELAY_URL: "smtp://relay.example.com" })).toContain(
      "ROUNDTRIP_PUBLIC_URL must be the https address",
    );
  });

  describe("for direct delivery", () => {
    const direct = {
      ROUNDTRIP_CHANNEL: "mx",
      ROUNDTRIP_PUBLIC_URL: "https://survey.example.com",
      ROUNDTRIP_MX_ADDRESSES: "192.0.2.10=mail1.example.com, 192.0.2.11+2001:db8::11=Mail2.example.com",
    };

    it("reads addresses, resolvers and the domains that must have TLS", () => {
      const config = readConfig({
        ...direct,
        ROUNDTRIP_RESOLVER: "127.0.0.1, [2001:db8::53]:5353",
        ROUNDTRIP_MX_TLS_DOMAINS: "bank.example,Clinic.example",
      });
      expect(config.channel).toEqual({
        kind: "mx",
        addresses: [
          { address: "192.0.2.10", heloName: "mail1.example.com" },
          { address: "192.0.2.11", ipv6: "2001:db8::11", heloName: "mail2.example.com" },
        ],
        resolvers: [
          { address: "127.0.0.1", port: 53 },
          { address: "2001:db8::53", port: 5353 },
        ],
        tlsDomains: ["bank.example", "clinic.example"],
        port: 25,
        mayPointInside: false,
      });
    });

    it.each([
      ["ROUNDTRIP_MX_ADDRESSES", "", "ROUNDTRIP_MX_ADDRESSES is missing"],
      ["ROUNDTRIP_MX_ADDRESSES", "192.0.2.10", "give address=name pairs"],
      ["ROUNDTRIP_MX_ADDRESSES", "192.0.2=mail.example.com", "give address=name pairs"],
      ["ROUNDTRIP_MX_ADDRESSES", "192.0.2.10+192.0.2.11=mail.example.com", "give address=name pairs"],
      ["ROUNDTRIP_RESOLVER", "dns.example", "give addresses of name servers"],
      ["ROUNDTRIP_MX_TLS_DOMAINS", "*.example", "give a domain name"],
      ["ROUNDTRIP_PUBLIC_URL", "http://survey.example.com", "ROUNDTRIP_PUBLIC_URL must be the https address"],
    ])("refuses %s=%j with its cure", (name, text, cure) => {
      expect(faultsOf({ ...direct, [name]: text })).toContain(cure);
    });
  });
});
