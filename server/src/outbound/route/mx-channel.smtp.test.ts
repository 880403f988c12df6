/**
 * Direct delivery against mail servers of another hand, on loopback addresses that stand for different machines, through a
 * real DNS: which server is tried, in which order, and what each policy for TLS forbids.
 */
import { createHash } from "node:crypto";
import type { DnsName } from "@roundtrip/world/dns/answer-question";
import { type DnsServer, startDnsServer } from "@roundtrip/world/dns/dns-server.dns";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { jumpingClock } from "../../ground/clock.ts";
import { systemClock } from "../../ground/system-clock.process.ts";
import { useTestDatabase } from "../../testing/test-database.ts";
import type { Channel } from "../send/channel.ts";
import type { Connection, ConnectFailure, Timeouts } from "../send/smtp-connection.smtp.ts";
import { readSubmission } from "../send/submission-outcome.ts";
import { mxChannel, type MxParts, type MxSettings } from "./mx-channel.smtp.ts";
import { type Authority, type Identity, makeAuthority, makeSelfSigned } from "./testing/authority.ts";
import { type MailHost, startMailHost, startRudeHost } from "./testing/mail-host.ts";
import { type PolicyHost, policyText, startPolicyHost } from "./testing/policy-host.ts";

const test = useTestDatabase();
const OURS = "127.0.0.200";
const [FIRST, SECOND] = ["127.0.0.2", "127.0.0.3"];
const MX = "mx1.receiver.example";

let authority: Authority;
let trusted: Identity;
let selfSigned: Identity;
let policies: PolicyHost;
let port = 0;
let server: DnsServer;
let count = 0;
let domain = "";
let reports: string[] = [];
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  authority = makeAuthority("Test authority");
  trusted = authority.issue(MX, "mx2.receiver.example");
  selfSigned = makeSelfSigned(MX);
  const names = Array.from({ length: 60 }, (_, index) => `mta-sts.d${String(index + 1)}.example`);
  policies = await startPolicyHost("127.0.0.9", authority.issue(...names));
});
afterAll(() => policies.close());

beforeEach(async () => {
  domain = `d${String((count += 1))}.example`;
  reports = [];
  server = await startDnsServer({ names: {} });
  closing.push(() => server.close());
  // A port that is free on one loopback address is, on a test machine, free on the next.
  const probe = await startMailHost(FIRST, 0, null);
  port = probe.port;
  await probe.close();
  nameHosts(FIRST);
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const facts = { isSigned: false };
/** One MX host per address, the first the best. */
function nameHosts(...addresses: readonly string[]): void {
  const hosts = addresses.map((_, index) => `mx${String(index + 1)}.receiver.example`);
  put(domain, { records: hosts.map((exchange, index) => ({ type: "MX", preference: index * 10, exchange })) });
  for (const [index, name] of hosts.entries()) put(name, { records: [{ type: "A", data: addresses[index] ?? "" }] });
}

function put(name: string, entry: DnsName): void {
  server.set(name, { isSigned: facts.isSigned, ...entry });
}

async function mailHost(address: string, identity: Identity | null): Promise<MailHost> {
  const host = await startMailHost(address, port, identity);
  closing.push(() => host.close());
  return host;
}

async function rudeHost(address: string, ...answers: readonly (string | null)[]) {
  const host = await startRudeHost(address, port, answers);
  closing.push(() => host.close());
  return host;
}

function newChannel(settings: Partial<MxSettings> = {}, parts: Partial<MxParts> = {}): Channel {
  const timeouts: Partial<Timeouts> = { connectMs: 1000, greetingMs: 1000, commandMs: 1000 };
  return mxChannel(
    {
      resolvers: [{ address: server.host, port: server.port }],
      addresses: [{ address: OURS, heloName: "sender.example.com" }],
      tlsDomains: [],
      mayPointInside: true,
      port,
      stsPort: policies.port,
      ca: authority.pem,
      timeouts,
      ...settings,
    },
    {
      engine: test.database.engine,
      clock: systemClock,
      chance: () => 0.5,
      report: ({ text }) => void reports.push(text),
      ...parts,
    },
  );
}

async function open(channel = newChannel()): Promise<Connection | ConnectFailure> {
  const route = await channel.route(domain);
  if (route.kind !== "lane") throw new Error(`No way to ${domain}: ${route.word.text}`);
  const opened = await channel.open(route.lane, domain);
  if (opened.kind === "open") closing.push(() => opened.close().catch(() => undefined));
  return opened;
}

async function send(channel?: Channel) {
  const opened = await open(channel);
  if (opened.kind !== "open") return opened;
  const bytes = Buffer.from("From: b@example.com\r\nSubject: hello\r\n\r\nHello\r\n");
  const mail = { from: "b@example.com", to: `a@${domain}`, bytes, smtpUtf8: false };
  return opened.deliver({ ...mail, beforeFinalDot: () => Promise.resolve(true) });
}

/** What a failed try comes to: put off, with the words that say which policy. */
async function expectPutOff(sending: ReturnType<typeof send>, text: RegExp): Promise<void> {
  const result = await sending;
  expect(result).toMatchObject({ kind: "failed", word: { step: "starttls", enhanced: "4.7.10", temporary: true } });
  const reading = readSubmission(result as ConnectFailure, "mx");
  expect(reading.word.text).toMatch(text);
  expect(reading.verdict).toMatchObject({ cause: "tls-failed", permanent: false });
}

describe("direct delivery", () => {
  it("goes from our address under its own name, encrypted, to the server that DNS names", async () => {
    const host = await mailHost(FIRST, selfSigned);
    const result = await send();
    expect(result).toMatchObject({
      kind: "accepted",
      peer: { host: MX, address: FIRST, localAddress: OURS, tls: { certificate: "unverified" } },
    });
    expect(host.mails).toMatchObject([{ from: OURS, isSecure: true, helloName: "sender.example.com" }]);
  });

  it("says so when the certificate was good, though nobody demanded one", async () => {
    await mailHost(FIRST, trusted);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: { certificate: "verified" } } });
  });

  it("keeps to lanes of address and provider, and lets like domains share what they open", async () => {
    const channel = newChannel();
    const one = await channel.route(domain);
    expect(one).toMatchObject({
      kind: "lane",
      lane: { key: `mx:${OURS}:own:receiver.example`, provider: "own:receiver.example" },
    });
    put("like.example", { records: [{ type: "MX", preference: 0, exchange: MX }] });
    expect(await channel.route("like.example")).toEqual(one);
    const strict = newChannel({ tlsDomains: [domain] });
    const targets = [await strict.route(domain), await strict.route("like.example")].map(
      (route) => route.kind === "lane" && route.target,
    );
    expect(new Set(targets).size).toBe(2);
  });

  it("takes as many mails on a connection as the provider bears, and no more", async () => {
    await mailHost(FIRST, selfSigned);
    const asked: string[] = [];
    const opened = await open(newChannel({}, { mailsPerConnection: (provider) => asked.push(provider) && 2 }));
    if (opened.kind !== "open") throw new Error(opened.word.text);
    const bytes = Buffer.from("Subject: hello\r\n\r\nHello\r\n");
    const mail = { from: "b@example.com", to: `a@${domain}`, bytes, smtpUtf8: false };
    for (const isUsable of [true, false]) {
      await opened.deliver({ ...mail, beforeFinalDot: () => Promise.resolve(true) });
      expect(opened.isUsable).toBe(isUsable);
    }
    expect(asked).toEqual(["own:receiver.example"]);
  });

  it("takes the next server when one is down, greets badly, or puts off, and the worse one last", async () => {
    nameHosts(FIRST, SECOND);
    const second = await mailHost(SECOND, selfSigned);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { address: SECOND } });
    const rude = await rudeHost(FIRST, "421 4.3.2 closing down\r\n", null);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { address: SECOND } });
    expect([second.mails.length, rude.connections]).toEqual([2, 1]);
  });

  it("tries what could not be reached only after the others, for a while", async () => {
    nameHosts(FIRST, SECOND);
    await mailHost(SECOND, selfSigned);
    const channel = newChannel();
    await send(channel);
    const back = await mailHost(FIRST, selfSigned);
    await send(channel);
    expect(back.mails).toHaveLength(0);
    await send(newChannel());
    expect(back.mails).toHaveLength(1);
  });

  it("tells a server's own words before a silence", async () => {
    nameHosts(FIRST, SECOND);
    await rudeHost(SECOND, "554 5.7.1 we do not know you\r\n", null);
    const result = await open();
    expect(result).toMatchObject({ kind: "refused", word: { step: "greeting", code: 554 }, peer: { address: SECOND } });
    expect(readSubmission(result as ConnectFailure, "mx").verdict).toMatchObject({ permanent: false });
  });

  it.each([
    ["no greeting", [null]],
    ["silence", []],
    ["nonsense", ["HTTP/1.1 400 Bad Request\r\n\r\n"]],
    ["a line without end", ["2".repeat(100_000)]],
    ["a greeting without end", Array.from({ length: 1 }, () => "220-more\r\n".repeat(5000))],
    ["nothing behind EHLO", ["220 hello\r\n", null]],
  ] as const)("is put off by a server with %s", async (_, answers) => {
    await rudeHost(FIRST, ...answers);
    const result = await open();
    expect(result).toMatchObject({ kind: "failed", word: { code: null, temporary: true }, peer: { address: FIRST } });
    expect(readSubmission(result as ConnectFailure, "mx").verdict).toMatchObject({ cause: "network-or-timeout" });
  });

  it("goes neither to a private address nor to ourselves, and says so at the route", async () => {
    const host = await mailHost(FIRST, selfSigned);
    const inside = await newChannel({ mayPointInside: false }).route(domain);
    expect(inside).toMatchObject({ kind: "no-route", word: { enhanced: "5.4.4", temporary: false } });
    const ours = newChannel({ alsoOurs: [FIRST] });
    expect(await ours.route(domain)).toMatchObject({ kind: "no-route", word: { enhanced: "4.4.6" } });
    const opened = await ours.open({ key: "mx:any", provider: "any" }, domain);
    expect(opened).toMatchObject({ kind: "failed", word: { enhanced: "4.4.6" } });
    expect(host.mails).toHaveLength(0);
  });

  it("has no route to a domain that does not exist or takes no mail", async () => {
    put("null.example", { records: [{ type: "MX", preference: 0, exchange: "." }] });
    const channel = newChannel();
    expect(await channel.route("null.example")).toMatchObject({ kind: "no-route", word: { enhanced: "5.1.10" } });
    expect(await channel.route("gone.example")).toMatchObject({ kind: "no-route", word: { enhanced: "5.1.2" } });
  });
});

it("finds a domain that was put right as soon as its failure no longer holds", async () => {
  const clock = jumpingClock(systemClock);
  const channel = newChannel({}, { clock });
  put(domain, { records: [], trouble: "servfail" });
  expect(await channel.route(domain)).toMatchObject({ kind: "no-route", word: { temporary: true } });
  nameHosts(FIRST);
  expect(await channel.route(domain)).toMatchObject({ kind: "no-route" });
  clock.jumpTo(new Date(clock.now().getTime() + 31_000));
  expect(await channel.route(domain)).toMatchObject({ kind: "lane" });
});

it("sends nothing while our own database cannot say which policy holds", async () => {
  const host = await mailHost(FIRST, selfSigned);
  const engine = new pg.Pool();
  await engine.end();
  expect(await open(newChannel({}, { engine }))).toMatchObject({
    kind: "failed",
    word: { enhanced: "4.4.3", temporary: true },
  });
  expect(host.mails).toHaveLength(0);
});

describe("where nobody demands TLS", () => {
  it("a server without STARTTLS gets the mail in clear", async () => {
    const host = await mailHost(FIRST, null);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: null } });
    expect(host.mails).toMatchObject([{ isSecure: false }]);
  });

  it.each([
    ["refuses STARTTLS", "454 4.7.0 no TLS today\r\n", /in clear, because the server said 454 4.7.0 no TLS today/],
    ["breaks the handshake", null, /in clear, because .*closed/],
    ["answers nonsense to the handshake", "220 go ahead\r\nnonsense", /in clear, because/],
  ])("a server that %s gets it in clear, and the attempt says why", async (_, answer, text) => {
    const rude = await rudeHost(FIRST, "220 hello\r\n", "250-hello\r\n250 STARTTLS\r\n", answer);
    const opened = await open();
    // The same server again, in clear this time: it offers STARTTLS, and we leave it alone.
    expect(rude.connections).toBe(2);
    expect(opened).toMatchObject({
      kind: "open",
      peer: { tls: null, clearBecause: expect.stringMatching(text) as string },
    });
    const { peer } = opened;
    const word = { step: "body", code: 250, enhanced: null, text: "ok", temporary: false } as const;
    expect(readSubmission({ kind: "accepted", word, peer }, "mx").place.tls).toMatch(text);
  });
});

describe("a domain on our own list", () => {
  const strict = () => newChannel({ tlsDomains: [domain] });

  it("is written to over TLS with a valid certificate", async () => {
    await mailHost(FIRST, trusted);
    expect(await send(strict())).toMatchObject({ kind: "accepted", peer: { tls: { certificate: "verified" } } });
  });

  it.each([
    ["a certificate that nobody vouches for", () => selfSigned, /rule of our own.*TLS failed/],
    ["no TLS", () => null, /rule of our own.*does not offer STARTTLS/],
  ])("is put off by a server with %s", async (_, identity, text) => {
    const host = await mailHost(FIRST, identity());
    await expectPutOff(send(strict()), text);
    expect(host.mails).toHaveLength(0);
  });
});

describe("MTA-STS", () => {
  function announce(mode: string, mx: readonly string[], id = "one"): void {
    put(`_mta-sts.${domain}`, { records: [{ type: "TXT", data: `v=STSv1; id=${id}` }] });
    put(`mta-sts.${domain}`, { records: [{ type: "A", data: "127.0.0.9" }] });
    policies.answerWith(policyText(mode, mx, 86_400));
  }

  it("enforce: a named server with a valid certificate gets the mail", async () => {
    announce("enforce", ["*.receiver.example"]);
    await mailHost(FIRST, trusted);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: { certificate: "verified" } } });
  });

  it("enforce: a certificate that nobody vouches for, or of another name, puts the mail off", async () => {
    announce("enforce", [MX]);
    const host = await mailHost(FIRST, selfSigned);
    await expectPutOff(send(), /MTA-STS policy for this domain, so nothing was sent: TLS failed/);
    expect(host.mails).toHaveLength(0);
  });

  it("enforce: another name in the certificate puts the mail off", async () => {
    announce("enforce", [MX]);
    const host = await mailHost(FIRST, authority.issue("other.receiver.example"));
    await expectPutOff(send(), /MTA-STS policy.*TLS failed/);
    expect(host.mails).toHaveLength(0);
  });

  it("enforce: STARTTLS stripped on the way puts the mail off", async () => {
    announce("enforce", [MX]);
    const host = await mailHost(FIRST, null);
    await expectPutOff(send(), /MTA-STS policy.*does not offer STARTTLS/);
    expect(host.mails).toHaveLength(0);
  });

  it("enforce: a server it does not name is passed by, and alone puts the mail off without a word to it", async () => {
    announce("enforce", ["mx2.receiver.example"]);
    const unnamed = await mailHost(FIRST, trusted);
    await expectPutOff(send(), /MTA-STS policy.*not among those it names/);
    nameHosts(FIRST, SECOND);
    await mailHost(SECOND, trusted);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { address: SECOND } });
    expect(unnamed.mails).toHaveLength(0);
  });

  it("enforce: finds the server it names behind any number of others", async () => {
    const others = Array.from({ length: 8 }, (_, index) => `forged${String(index)}.example`);
    const records = [...others, MX].map((exchange, preference) => ({ type: "MX", preference, exchange }) as const);
    put(domain, { records });
    for (const name of others) put(name, { records: [{ type: "A", data: SECOND }] });
    announce("enforce", [MX]);
    const [named, forged] = [await mailHost(FIRST, trusted), await mailHost(SECOND, selfSigned)];
    expect(await send()).toMatchObject({ kind: "accepted" });
    expect([named.mails.length, forged.mails.length]).toEqual([1, 0]);
  });

  it("enforce: holds on while the policy host is gone", async () => {
    announce("enforce", [MX]);
    await mailHost(FIRST, trusted);
    await send();
    put(`mta-sts.${domain}`, { records: [] });
    put(`_mta-sts.${domain}`, { records: [{ type: "TXT", data: "v=STSv1; id=two" }] });
    nameHosts(SECOND);
    const host = await mailHost(SECOND, selfSigned);
    await expectPutOff(send(), /MTA-STS policy.*TLS failed/);
    expect(host.mails).toHaveLength(0);
  });

  it.each([
    ["a server it does not name", ["other.example"], true, /not among those it names/],
    ["a certificate nobody vouches for", [MX], true, /certificate of this mail server is not valid/],
    ["no TLS at all", [MX], false, /without TLS/],
  ])("testing: %s is reported, and the mail goes", async (_, named, hasTls, text) => {
    announce("testing", named);
    await mailHost(FIRST, hasTls ? selfSigned : null);
    expect(await send()).toMatchObject({ kind: "accepted" });
    expect(reports).toEqual([expect.stringMatching(text)]);
  });
});

describe("DANE", () => {
  const sha256 = (bytes: Buffer): Buffer => createHash("sha256").update(bytes).digest();
  const keyOf = ({ certificate }: Pick<Identity, "certificate">): Buffer =>
    certificate.publicKey.export({ type: "spki", format: "der" });
  /** Three numbers as people write them: usage, selector, matching type. */
  const pin = (numbers: string, certificate: Buffer, more: Partial<DnsName> = {}): void => {
    const [usage = 0, selector = 0, matchingType = 0] = numbers.split(" ").map(Number);
    const records = [{ type: "TLSA", usage, selector, matchingType, certificate } as const];
    put(`_${String(port)}._tcp.${MX}`, { records, ...more });
  };

  beforeEach(() => {
    facts.isSigned = true;
    nameHosts(FIRST);
  });
  afterEach(() => {
    facts.isSigned = false;
  });

  it("a pinned key is enough: no authority, no name", async () => {
    pin("3 1 1", sha256(keyOf(selfSigned)));
    await mailHost(FIRST, selfSigned);
    expect(await send()).toMatchObject({
      kind: "accepted",
      peer: { tls: { certificate: "verified", reason: "DANE" } },
    });
  });

  it("a whole certificate may be pinned, plain or hashed", async () => {
    await mailHost(FIRST, selfSigned);
    pin("3 0 0", selfSigned.certificate.raw);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: { reason: "DANE" } } });
    pin("3 0 2", createHash("sha512").update(selfSigned.certificate.raw).digest());
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: { reason: "DANE" } } });
  });

  it("another key stops the mail, even with a certificate that authorities vouch for", async () => {
    pin("3 1 1", sha256(keyOf(selfSigned)));
    const host = await mailHost(FIRST, trusted);
    await expectPutOff(send(), /DANE records.*fits none of its TLSA records/);
    expect(host.mails).toHaveLength(0);
  });

  it("a pinned authority vouches for what it has signed, and for that name only", async () => {
    pin("2 0 1", sha256(authority.certificate.raw));
    await mailHost(FIRST, trusted);
    expect(await send(newChannel({ ca: selfSigned.cert }))).toMatchObject({
      kind: "accepted",
      peer: { tls: { reason: "DANE" } },
    });
    nameHosts(SECOND);
    const other = await mailHost(SECOND, authority.issue("other.example"));
    await expectPutOff(send(), /DANE records.*another name/);
    expect(other.mails).toHaveLength(0);
  });

  it("a pinned authority that merely lies beside a foreign certificate proves nothing", async () => {
    pin("2 0 1", sha256(authority.certificate.raw));
    const forged = { ...selfSigned, cert: selfSigned.cert + authority.pem };
    const host = await mailHost(FIRST, forged);
    await expectPutOff(send(), /DANE records.*fits none/);
    expect(host.mails).toHaveLength(0);
  });

  it("STARTTLS stripped on the way puts the mail off", async () => {
    pin("3 1 1", sha256(keyOf(selfSigned)));
    const host = await mailHost(FIRST, null);
    await expectPutOff(send(), /DANE records.*does not offer STARTTLS/);
    expect(host.mails).toHaveLength(0);
  });

  it("records that cannot be used still demand TLS, with anybody", async () => {
    pin("1 1 1", sha256(keyOf(trusted)));
    const clear = await mailHost(FIRST, null);
    await expectPutOff(send(), /DANE records.*does not offer STARTTLS/);
    nameHosts(SECOND);
    await mailHost(SECOND, selfSigned);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: { certificate: "unverified" } } });
    expect(clear.mails).toHaveLength(0);
  });

  it("records that cannot be looked up in a signed zone put the mail off", async () => {
    pin("3 1 1", sha256(keyOf(selfSigned)), { trouble: "servfail" });
    const host = await mailHost(FIRST, selfSigned);
    await expectPutOff(send(), /DANE records.*cannot be looked up/);
    expect(host.mails).toHaveLength(0);
  });

  it("a signed zone without records is like any other", async () => {
    await mailHost(FIRST, null);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: null } });
  });

  it.each([
    ["the MX records", () => put(domain, { records: [{ type: "MX", preference: 0, exchange: MX }], isSigned: false })],
    ["the addresses", () => put(MX, { records: [{ type: "A", data: FIRST }], isSigned: false })],
    ["the pins", () => pin("3 1 1", sha256(keyOf(trusted)), { isSigned: false })],
  ])("binds nobody where %s are not signed", async (_, unsign) => {
    pin("3 1 1", sha256(keyOf(trusted)));
    unsign();
    await mailHost(FIRST, selfSigned);
    expect(await send()).toMatchObject({ kind: "accepted", peer: { tls: { certificate: "unverified" } } });
  });

  it("is not asked about in an unsigned zone, where some name servers fail at the question", async () => {
    put(MX, { records: [{ type: "A", data: FIRST }], isSigned: false });
    pin("3 1 1", sha256(keyOf(selfSigned)), { trouble: "servfail" });
    await mailHost(FIRST, selfSigned);
    expect(await send()).toMatchObject({ kind: "accepted" });
    expect(server.timesAsked(`_${String(port)}._tcp.${MX}`)).toBe(0);
  });
});
