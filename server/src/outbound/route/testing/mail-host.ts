/**
 * A mail server of another hand (smtp-server) on an address of its own: 127.0.0.2, 127.0.0.3 and so on are different hosts
 * on one machine. It takes every mail, and says how each one came.
 */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { SMTPServer } from "smtp-server";
import type { Identity } from "./authority.ts";

export interface CameIn {
  readonly from: string;
  /** The same for all mails of one connection. */
  readonly connection: string;
  readonly isSecure: boolean;
  readonly helloName: string;
  readonly bytes: Buffer;
}

export interface MailHost {
  readonly port: number;
  readonly mails: readonly CameIn[];
  close(): Promise<void>;
}

/** `identity` null: no STARTTLS. Port 0 takes any. */
export async function startMailHost(address: string, port: number, identity: Identity | null): Promise<MailHost> {
  const mails: CameIn[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    ...(identity ? { key: identity.key, cert: identity.cert } : { hideSTARTTLS: true, disabledCommands: ["STARTTLS"] }),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { id: connection, remoteAddress, secure, hostNameAppearsAs: helloName } = session;
        const bytes = Buffer.concat(chunks);
        mails.push({ from: remoteAddress, connection, isSecure: secure, helloName, bytes });
        done();
      });
    },
  });
  // A client that leaves in the middle of a handshake is what some tests are about.
  server.on("error", () => undefined);
  server.listen(port, address);
  await once(server.server, "listening");
  const bound = server.server.address() as AddressInfo;
  return { port: bound.port, mails, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A server that says what it is told to, line by line, whatever it hears; null ends the connection. */
export async function startRudeHost(
  address: string,
  port: number,
  answers: readonly (string | null)[],
): Promise<{ readonly port: number; readonly connections: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    const left = [...answers];
    const say = (): void => {
      const next = left.shift();
      if (next === null) socket.end();
      else if (next !== undefined) socket.write(next);
    };
    socket.on("error", () => socket.destroy());
    socket.on("data", say);
    say();
  });
  server.listen(port, address);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
