/** A web server that hands out MTA-STS policies over HTTPS, well or badly, and counts who asks. */
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Identity } from "./authority.ts";

export interface PolicyHost {
  readonly port: number;
  /** How often the path of the policy was asked for. */
  readonly asked: number;
  /** From now on. */
  answerWith(answer: RequestListener): void;
  close(): Promise<void>;
}

export async function startPolicyHost(address: string, identity: Identity): Promise<PolicyHost> {
  let asked = 0;
  let answer: RequestListener = (_, response) => response.writeHead(404).end();
  const server = createServer({ key: identity.key, cert: identity.cert }, (request, response) => {
    if (request.url === "/.well-known/mta-sts.txt") asked += 1;
    answer(request, response);
  });
  server.listen(0, address);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get asked() {
      return asked;
    },
    answerWith: (next) => (answer = next),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** As RFC 8461 §3.2 shows one. */
export function policyText(mode: string, mx: readonly string[], maxAgeSeconds: number): RequestListener {
  const lines = [
    "version: STSv1",
    `mode: ${mode}`,
    ...mx.map((host) => `mx: ${host}`),
    `max_age: ${String(maxAgeSeconds)}`,
  ];
  return (_, response) => response.writeHead(200, { "content-type": "text/plain" }).end(`${lines.join("\r\n")}\r\n`);
}
