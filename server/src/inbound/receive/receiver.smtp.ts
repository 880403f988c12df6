/**
 * The listener for everything that comes back (RFC 5321). Takes mail only for return paths we issued, the reply
 * addresses and the postmaster; answers 250 only after the raw bytes are committed. Reads nothing of their content.
 * Whoever sits on connections, memory or time gives way to whoever comes next (intake-limits.ts).
 * Trouble of our own is always a temporary answer, so that the other side keeps the mail and comes again.
 */
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import type { Clock } from "../../ground/clock.ts";
import type { Database } from "../../ground/database.store.ts";
import type { Log } from "../../ground/log.process.ts";
import { acceptRecipient, type InboundAddresses, type Recipient } from "./accept-recipient.ts";
import { type ByteFault, findByteFault } from "./check-bytes.ts";
import { Guesses, IntakeRoom, type Visitor, Visitors } from "./intake-limits.ts";
import { hasTakenEnough, keepIncomingMail } from "./inbound-mail.store.ts";

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
const limits = { connections: 1000, connectionsPerAddress: 200, bytes: 128 * 1024 * 1024 };
/** RFC 5321 §4.5.3.2 lets a client take 5 minutes a step; no honest mail needs more than this in all. */
const longestVisitMs = 15 * 60_000;
const lookForLongVisitsMs = 10_000;
const longestCommand = 4096;
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
  const visitors = new Visitors(limits);
  const present = new Map<string, Visitor>();
  const intake = { ...parts, room: new IntakeRoom(limits.bytes) };
  const guesses = new Guesses();
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
    // The library would turn newcomers away; here the oldest goes.
    maxClients: limits.connections * 2,
    maxCommandLength: longestCommand,
    socketTimeout: 60_000,
    closeTimeout: 2000,
    // The library would choose enhanced codes by reply code alone; ours stand in the texts and say more.
    hideENHANCEDSTATUSCODES: true,
    onConnect: (session, done) => {
      const visitor = { address: session.remoteAddress, end: () => dismiss(server, session.id) };
      present.set(session.id, visitor);
      visitors.enter(visitor, performance.now());
      done();
    },
    onClose: (session) => {
      const visitor = present.get(session.id);
      if (visitor) visitors.leave(visitor);
      present.delete(session.id);
    },
    onMailFrom: (_address, session, done) => {
      visitOf(session).recipients.clear();
      done();
    },
    onRcptTo: ({ address }, session, done) => {
      const visit = visitOf(session);
      const fault = judgeRecipient(visit, address, options.addresses, parts.clock.now());
      const delayMs = fault ? guesses.delayMs(session.remoteAddress, performance.now()) : 0;
      if (delayMs === 0) done(fault);
      else setTimeout(() => done(fault), delayMs).unref();
    },
    onData: (stream, session, done) => {
      takeMail(stream, session, visitOf(session), intake).then(
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
  const watch = setInterval(() => visitors.dismissOlderThan(longestVisitMs, performance.now()), lookForLongVisitsMs);
  watch.unref();
  return {
    port: (listener.address() as AddressInfo).port,
    stop: () => {
      clearInterval(watch);
      return new Promise((stopped) => server.close(() => stopped()));
    },
  };
}

function dismiss(server: SMTPServer, sessionId: string): void {
  for (const connection of server.connections) {
    if (connection.id !== sessionId) continue;
    connection.send(421, "4.7.0 Others are waiting, please come again");
    connection.close();
  }
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
  parts: { database: Database; clock: Clock; room: IntakeRoom },
): Promise<Error | null> {
  const raw = await readWhole(stream, parts.room);
  if (raw === "too-big") return answer(552, "5.3.4 Message too big");
  if (raw === "gave-way") return answer(452, "4.3.1 Too much is coming in at once, please come again");
  const fault = findByteFault(raw);
  if (fault) return explainFault(fault);
  const receivedAt = parts.clock.now();
  for (const recipient of visit.recipients.values()) {
    if (recipient.kind === "return-path" && (await hasTakenEnough(parts.database, recipient.token, receivedAt)))
      return answer(452, "4.2.2 This return path has taken enough today");
  }
  for (const [envelopeTo, recipient] of visit.recipients) {
    const { envelope, remoteAddress } = session;
    await keepIncomingMail(parts.database, {
      receivedAt,
      envelopeFrom: envelope.mailFrom ? envelope.mailFrom.address : "",
      envelopeTo,
      remoteIp: remoteAddress,
      helo: session.hostNameAppearsAs || "",
      raw,
      token: recipient.kind === "return-path" ? recipient.token : null,
    });
  }
  return null;
}

/** What is too large, or gave way, is read to its end and dropped, as the protocol wants. */
async function readWhole(stream: SMTPServerDataStream, room: IntakeRoom): Promise<Buffer | "too-big" | "gave-way"> {
  const mail = room.begin();
  let bytes = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= mostBytes) room.add(mail, chunk);
      else room.end(mail);
    }
    if (bytes > mostBytes || stream.sizeExceeded) return "too-big";
    return mail.gaveWay ? "gave-way" : Buffer.concat(mail.chunks);
  } finally {
    room.end(mail);
  }
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
