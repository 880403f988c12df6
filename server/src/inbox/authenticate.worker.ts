/** The far side of authenticator.worker.ts: a thread that checks one mail at a time with mailauth. It holds nothing and is made to be killed. */
import { Resolver } from "node:dns/promises";
import { parentPort, workerData } from "node:worker_threads";
import { authenticate } from "mailauth";
import type { Verdict } from "./verdict.ts";

export interface ToAuthenticate {
  readonly raw: Uint8Array;
  /** Null where the mail came from within: then its address says nothing about the sender. */
  readonly ip: string | null;
  readonly helo: string;
  readonly envelopeFrom: string;
}

if (parentPort === null) throw new Error("This file runs as a worker thread only.");
const port = parentPort;
const { servers, name } = workerData as { readonly servers: readonly string[]; readonly name: string };
const resolver = new Resolver({ timeout: 1500, tries: 2 });
if (servers.length > 0) resolver.setServers(servers);

port.on("message", ({ id, mail }: { readonly id: number; readonly mail: ToAuthenticate }) => {
  check(mail).then(
    (verdict) => port.postMessage({ id, verdict }),
    (error: unknown) =>
      port.postMessage({ id, verdict: { kind: "not-checked", because: String(error).slice(0, 200) } }),
  );
});

/** Every signature costs a look-up and a verification: more than a few are nobody's honest mail. */
const mostSignatures = 10;

async function check({ raw, ip, helo, envelopeFrom }: ToAuthenticate): Promise<Verdict> {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const head = bytes.toString("latin1", 0, Math.max(0, bytes.indexOf("\r\n\r\n")));
  if ((head.match(/^dkim-signature:/gim)?.length ?? 0) > mostSignatures)
    return { kind: "not-checked", because: "it carries too many signatures" };
  const result = await authenticate(bytes, {
    // An address that nobody has gives SPF no ground to pass.
    ip: ip ?? "192.0.2.1",
    helo,
    sender: envelopeFrom,
    mta: name,
    disableArc: true,
    disableBimi: true,
    resolver: (domain, type) => resolver.resolve(domain, type as "TXT"),
  });
  const dkim = result.dkim.results.map(({ status }) => status.result);
  const dmarc = result.dmarc ? result.dmarc.status.result : "none";
  return {
    kind: "checked",
    domain: (result.dkim.headerFrom[0] ?? "").split("@").at(-1)?.toLowerCase() ?? "",
    spf: ip === null || !result.spf ? "none" : result.spf.status.result,
    dkim: dkim.includes("pass") ? "pass" : (dkim[0] ?? "none"),
    // Without an address that counts, only a signature can speak for the mail.
    dmarc: ip === null && !dkim.includes("pass") && dmarc === "fail" ? "none" : dmarc,
  };
}

port.postMessage("ready");
