/**
 * The listener for everything that comes back (RFC 5321). Takes mail only for return paths we issued, the reply
 * addresses and the postmaster; answers 250 only after the raw bytes are committed. Reads nothing of their content.
 * Trouble of our own is always a temporary answer, so that the other side keeps the mail and comes again.
 */
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import type { Clock } from "../../ground/clock.ts";
import type { Database } from "../../ground/database.store.ts";
import type { Log } from "../../ground/log.process.ts";
import { acceptRecipient, type InboundAddresses, type Recipient } from "./accept-recipient.ts";
import { type ByteFault, findByteFault } from "./check-bytes.ts";
import { keepIncomingMail } from "./inbound-mail.store.ts";

export interface Receiver {
  readonly port: number;
  stop(): Promise<void>;
}

export interface ReceiverOptions {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly addresses: InboundAddresses;
}

const mostBytes = 10 * 1024 * 1024;
const mostConnections = 1000;
const mostConnectionsPerAddress = 200;
const mostErrors = 10;
const mostRecipients = 20;

/** What one connection has done so far. */
interface Visit {
  errors: number;
  readonly recipients: Map<string, Recipient>;
}

/** Listens until stopped; `port` 0 takes a free one. */
export async function startReceiver(
  options: ReceiverOptions,
  parts: { database: Database; clock: Clock; log: Log },
): Promise<Receiver> {
  const visits = new WeakMap<SMTPServerSession, Visit>();
  const perAddress = new Map<string, number>();
  const visitOf = (session: SMTPServerSession): Visit => {
    const visit = visits.get(session) ?? { errors: 0, recipients: new Map<string, Recipient>() };
    visits.set(session, visit);
    return visit;
  };

  const server = new SMTPServer({
    name: options.name,
    banner: "Roundtrip",
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    size: mostBytes,
    maxClients: mostConnections,
    socketTimeout: 60_000,
    closeTimeout: 2000,
    // The library would choose enhanced codes by reply code alone; ours stand in the texts and say more.
    hideENHANCEDSTATUSCODES: true,
    onConnect: (session, done) => {
      const open = (perAddress.get(session.remoteAddress) ?? 0) + 1;
      perAddress.set(session.remoteAddress, open);
      done(open > mostConnectionsPerAddress ? answer(421, "4.7.0 Too many connections from your address") : null);
    },
    onClose: (session) => {
      const open = (perAddress.get(session.remoteAddress) ?? 1) - 1;
      if (open > 0) perAddress.set(session.remoteAddress, open);
      else perAddress.delete(session.remoteAddress);
    },
    onMailFrom: (_address, session, done) => {
      visitOf(session).recipients.clear();
      done();
    },
    onRcptTo: ({ address }, session, done) => {
      const visit = visitOf(session);
      done(judgeRecipient(visit, address, options.addresses, parts.clock.now()));
    },
    onData: (stream, session, done) => {
      takeMail(stream, session, visitOf(session), parts).then(
        (fault) => done(fault),
        (error: unknown) => {
          parts.log.error({ err: error }, "incoming mail could not be kept; the sender was asked to come again");
          done(answer(451, "4.3.0 Could not be stored now, please try again later"));
        },
      );
    },
  });
  server.on("error", (error) => parts.log.debug({ err: error }, "inbound connection"));
  const listener = server.listen(options.port, options.host);
  await new Promise<void>((ready, failed) => listener.once("listening", ready).once("error", failed));
  return {
    port: (listener.address() as AddressInfo).port,
    stop: () => new Promise((stopped) => server.close(() => stopped())),
  };
}

function judgeRecipient(visit: Visit, address: string, addresses: InboundAddresses, now: Date): Error | null {
  if (visit.errors >= mostErrors) return answer(421, "4.7.0 Too many errors");
  if (visit.recipients.size >= mostRecipients) return answer(452, "4.5.3 Too many recipients");
  const recipient = acceptRecipient(address, addresses, now);
  if (recipient.kind === "refused") {
    visit.errors += 1;
    return answer(
      550,
      recipient.because === "expired" ? "5.1.6 This return path has expired" : "5.1.1 No such user here",
    );
  }
  visit.recipients.set(address, recipient);
  return null;
}

async function takeMail(
  stream: SMTPServerDataStream,
  session: SMTPServerSession,
  visit: Visit,
  parts: { database: Database; clock: Clock },
): Promise<Error | null> {
  const raw = await readWhole(stream);
  if (!raw) return answer(552, "5.3.4 Message too big");
  const fault = findByteFault(raw);
  if (fault) return explainFault(fault);
  const receivedAt = parts.clock.now();
  for (const [envelopeTo, recipient] of visit.recipients) {
    const { envelope, remoteAddress } = session;
    await keepIncomingMail(parts.database, {
      receivedAt,
      envelopeFrom: envelope.mailFrom ? envelope.mailFrom.address : "",
      envelopeTo,
      remoteIp: remoteAddress,
      raw,
      token: recipient.kind === "return-path" ? recipient.token : null,
    });
  }
  return null;
}

/** Null when it is larger than we take; the rest is read and dropped, as the protocol wants. */
async function readWhole(stream: SMTPServerDataStream): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= mostBytes) chunks.push(chunk);
    else chunks.length = 0;
  }
  return bytes > mostBytes || stream.sizeExceeded ? null : Buffer.concat(chunks);
}

function explainFault(fault: ByteFault): Error {
  switch (fault) {
    case "bare-line-end":
      return answer(554, "5.6.0 Lines must end in CR LF");
    case "too-many-hops":
      return answer(554, "5.4.6 Too many hops");
  }
}

function answer(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
