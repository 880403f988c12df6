/**
 * Puts the parts together: configuration → database → roles (web, sender, receiver, worker). The only file that knows
 * everything; it decides nothing but the order in which things start and stop.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { startMailbox } from "@roundtrip/world/mailbox.http";
import { type ReceivingServer, startReceivingServer } from "@roundtrip/world/receiving-server.smtp";
import type { Clock } from "./ground/clock.ts";
import type { Config, Role } from "./ground/config.ts";
import { type ConnectionSettings, type Database, migrate, openDatabase } from "./ground/database.store.ts";
import { deriveKey } from "./ground/derived-keys.ts";
import { startEmbeddedPostgres } from "./ground/embedded-postgres.process.ts";
import { migrateJobs, startJobs } from "./ground/jobs.job.ts";
import type { Log } from "./ground/log.process.ts";
import { findMasterKey } from "./ground/master-key.files.ts";
import { systemChance } from "./ground/system-clock.process.ts";
import { settleOne } from "./inbound/inbound.ts";
import { type Authenticator, startAuthenticator } from "./inbox/authenticator.worker.ts";
import { authenticateReply } from "./inbox/verdict.store.ts";
import { startReceiver } from "./inbound/receive/receiver.smtp.ts";
import { startRecogniser } from "./inbound/recognise/recogniser.worker.ts";
import { isReportMail } from "./inbound/reports/report-mail.ts";
import { type ReportReader, startReportReader } from "./inbound/reports/report-reader.worker.ts";
import { settleReportMail } from "./inbound/reports/settle-report.store.ts";
import { addReportUpload } from "./inbound/reports/upload-report.http.ts";
import { readInboundMail, settleInbound } from "./inbound/settle/settle-inbound.store.ts";
import { applyBrakes } from "./outcome/brake/apply-brakes.store.ts";
import { defaultRetryPolicy } from "./outcome/retry-policy.ts";
import { prepareRound, type PrepareSettings } from "./outbound/prepare-round.store.ts";
import { launchRoundJob } from "./outbound/round/launch-round.job.ts";
import { type GuardedSender, startGuardedSender } from "./outbound/send/guarded-sender.job.ts";
import { startSender } from "./outbound/send/sender.job.ts";
import { findWayOut, type WayOut } from "./outbound/send/way-out.smtp.ts";
import { findForecast } from "./outbound/shape/find-forecast.store.ts";
import { summariseForecast } from "./outbound/shape/forecast.ts";
import { ensureDkimKey } from "./outbound/sign/dkim-key.store.ts";
import { ensureOrganisation } from "./accounts/organisation.store.ts";
import { createForecasts } from "./status/forecasts.ts";
import { addStatusPage, type StatusParts } from "./status/status.http.ts";
import { addLinkPages } from "./survey/link-pages.http.ts";
import { createWebServer } from "./web.http.ts";

export interface Running {
  readonly database: Database;
  readonly settings: ConnectionSettings;
  readonly orgId: number;
  readonly inboundPort: number | null;
  /** The plain status page, secret part included. */
  readonly statusUrl: string | null;
  readonly mailboxUrl: string | null;
  readonly world: ReceivingServer | null;
  /** Runs unless the database is latched (docs/decisions/0014), and says then why not. */
  readonly sender: GuardedSender | null;
  /** PostgreSQL's process, when it is ours. */
  readonly postgresPid: number | null;
  /** Ends everything in the order that loses nothing: no new mail in or out, then what is under way, then the database. */
  stop(): Promise<void>;
}

const selector = "rt1";

/** Starts the roles that the configuration names. Rejects with a Refusal when something the operator can mend is missing. */
export async function startRoundtrip(config: Config, parts: { clock: Clock; log: Log }): Promise<Running> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).toReversed()) await end();
  };
  try {
    return await assemble(config, parts, stops, stop);
  } catch (error) {
    await stop().catch((also: unknown) => parts.log.error({ err: also }, "stopping after a failed start failed too"));
    throw error;
  }
}

async function assemble(
  config: Config,
  { clock, log }: { clock: Clock; log: Log },
  stops: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
): Promise<Running> {
  const dataDir = resolve(config.dataDir);
  const masterKey = findMasterKey(config.masterKey, dataDir);
  const { settings, postgresPid } = await findDatabase(config, dataDir, stops);
  const database = openDatabase(settings, (error) => log.warn({ err: error }, "a database connection was lost"));
  stops.push(() => database.close());
  await migrate(database);
  await migrateJobs(database);
  const orgId = await ensureOrganisation(database, {
    name: "Example Works",
    fromLocal: config.fromLocal,
    replyLocal: config.replyLocal,
  });
  await ensureDkimKey(database, { orgId, domain: config.sendingDomain, selector }, { masterKey, random: randomBytes });

  const keys = {
    returnPath: { id: 1, secret: deriveKey(masterKey, "return-path") },
    messageId: { id: 1, secret: deriveKey(masterKey, "message-id") },
    link: deriveKey(masterKey, "link"),
  };
  const has = (role: Role) => config.roles.includes(role);
  const common = { database, clock, log };
  const inboundPort = has("receiver") ? await startReceiving(config, { ...common, keys }, stops) : null;
  const world =
    config.channel.kind === "world" && config.channel.port === null && has("sender")
      ? await startWorld(inboundPort, stops)
      : null;
  const portFor = (domain: string) =>
    world?.portFor(domain) ?? (config.channel.kind === "world" ? config.channel.port : null) ?? 0;
  const outParts = { ...common, engine: database.engine, chance: systemChance, portFor };
  const out = has("sender") || has("web") ? findWayOut(config, outParts) : null;
  const mailboxUrl = world ? await showMailbox(world, stops) : null;
  const statusKey = deriveKey(masterKey, "status-page").toString("base64url");
  const own: { sender: GuardedSender | null } = { sender: null };
  const forecasts = createForecasts(
    (roundId) => forecastForPage(config, out, { ...common, orgId, roundId }),
    (error) => log.warn({ err: error }, "a forecast could not be made; trying again"),
  );
  const shown = { orgId, key: statusKey, mailboxUrl, forecasts, latchedHere: () => own.sender?.latched ?? [] };
  const webUrl = has("web") ? await startWeb(config, { ...common, ...shown, linkSecret: keys.link }, stops) : null;

  const publicUrl = config.web.publicUrl ?? webUrl ?? `http://${config.web.host}:${String(config.web.port)}`;
  const prepare: PrepareSettings = {
    names: { sendingDomain: config.sendingDomain, bounceDomain: config.bounceDomain, publicUrl },
    keys,
    masterKey,
  };
  if (has("worker")) await startWorking(config, { ...common, prepare }, stops);
  if (out && has("sender")) own.sender = await startSending(config, { ...common, settings, prepare, out }, stops);
  const statusUrl = webUrl === null ? null : `${webUrl}/status/${statusKey}`;
  return { database, settings, orgId, inboundPort, statusUrl, mailboxUrl, world, ...own, postgresPid, stop };
}

async function findDatabase(
  config: Config,
  dataDir: string,
  stops: (() => Promise<unknown>)[],
): Promise<{ settings: ConnectionSettings; postgresPid: number | null }> {
  if (config.databaseUrl !== null) return { settings: { connectionString: config.databaseUrl }, postgresPid: null };
  const postgres = await startEmbeddedPostgres(dataDir);
  stops.push(() => postgres.stop());
  return { settings: { ...postgres.connection, database: "postgres" }, postgresPid: postgres.pid };
}

interface Common {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Log;
}

type Keys = PrepareSettings["keys"];

async function startReceiving(
  config: Config,
  { database, clock, log, keys }: Common & { keys: Keys },
  stops: (() => Promise<unknown>)[],
): Promise<number> {
  const addresses = {
    bounceDomain: config.bounceDomain,
    returnPathKeys: [keys.returnPath],
    replyAddresses: [`${config.replyLocal}@${config.sendingDomain}`],
  };
  const receiver = await startReceiver(
    { ...config.inbound, name: config.bounceDomain, addresses },
    { database, clock, log },
  );
  stops.push(() => receiver.stop());
  return receiver.port;
}

async function startWorld(inboundPort: number | null, stops: (() => Promise<unknown>)[]): Promise<ReceivingServer> {
  const sendBack = inboundPort === null ? null : { host: "127.0.0.1", port: inboundPort };
  const world = await startReceivingServer({ host: "127.0.0.1", port: 0, sendBack });
  stops.push(() => world.close());
  return world;
}

async function startWorking(
  config: Config,
  { database, clock, log, prepare }: Common & { prepare: PrepareSettings },
  stops: (() => Promise<unknown>)[],
): Promise<void> {
  const recogniser = startRecogniser();
  const reportReader = startReportReader();
  const authenticator = findAuthenticator(config, stops);
  stops.push(() => Promise.all([recogniser.close(), reportReader.close()]));
  const facts = {
    rules: { retry: defaultRetryPolicy, unknownResendMs: config.unknownResendMs },
    bounceDomain: config.bounceDomain,
    returnPathKeys: [prepare.keys.returnPath],
    sendingDomain: config.sendingDomain,
    messageIdKeys: [prepare.keys.messageId],
    ownAddresses: [
      `${config.fromLocal}@${config.sendingDomain}`.toLowerCase(),
      `${config.replyLocal}@${config.sendingDomain}`.toLowerCase(),
      `@${config.bounceDomain}`,
    ],
  };
  const jobs = await startJobs(
    database,
    {
      "launch-round": ({ orgId, roundId }) =>
        launchRoundJob(
          database,
          { orgId, roundId },
          () => prepareRound(database.engine, orgId, roundId, prepare),
          clock.now(),
        ),
      "settle-inbound": ({ inboundId }) =>
        settleOne({
          read: () => readInboundMail(database, inboundId),
          recognise: (raw) => recogniser.recognise(raw),
          settle: async (mail, recognised) => {
            const { kind } = recognised;
            if (isReportMail(kind, mail.envelopeTo, config.bounceDomain)) {
              const reading = await reportReader.read(mail.raw);
              return settleReportMail(database, { ...mail, kind }, reading, config.bounceDomain);
            }
            const now = clock.now();
            const failed = await settleInbound(database, mail, recognised, { ...facts, now });
            if (failed) await applyBrakes(database, [failed], now);
          },
        }),
      "authenticate-reply": ({ inboundId }) => authenticateReply(database, inboundId, authenticator),
    },
    log,
  );
  stops.push(() => jobs.stop());
}

/** Null in the miniature world, unless it is given name servers: nobody knows its domains. */
function findAuthenticator(config: Config, stops: (() => Promise<unknown>)[]): Authenticator | null {
  if (config.channel.kind === "world" && config.resolvers.length === 0) return null;
  const servers = config.resolvers.map(({ address, port }) =>
    address.includes(":") ? `[${address}]:${String(port)}` : `${address}:${String(port)}`,
  );
  const authenticator = startAuthenticator({ servers, name: config.bounceDomain });
  stops.push(() => authenticator.close());
  return authenticator;
}

async function startSending(
  config: Config,
  {
    database,
    settings,
    clock,
    log,
    prepare,
    out,
  }: Common & { settings: ConnectionSettings; prepare: PrepareSettings; out: WayOut },
  stops: (() => Promise<unknown>)[],
): Promise<GuardedSender> {
  const parts = {
    database,
    settings,
    ...out,
    clock,
    chance: systemChance,
    log,
    retry: defaultRetryPolicy,
    connections: config.connections,
    leaseMs: config.leaseMs,
    unknownResendMs: config.unknownResendMs,
    name: `${hostname()}:${String(process.pid)}`,
    prepareRound: (orgId: number, roundId: number) => prepareRound(database.engine, orgId, roundId, prepare),
  };
  const place = { instance: config.instance, dataDir: resolve(config.dataDir) };
  const sender = await startGuardedSender({ database, clock, log, ...place, start: () => startSender(parts) });
  stops.push(() => sender.stop());
  return sender;
}

async function forecastForPage(
  { connections }: Config,
  out: WayOut | null,
  { database, clock, orgId, roundId }: Common & { orgId: number; roundId: number },
): Promise<string | null> {
  if (!out) return null;
  const forecast = await findForecast(
    { engine: database.engine, ...out, connections },
    { orgId, roundId },
    clock.now(),
  );
  return summariseForecast(forecast, forecast.unreachable);
}

async function showMailbox(world: ReceivingServer, stops: (() => Promise<unknown>)[]): Promise<string> {
  const mailbox = await startMailbox({ mailbox: world.mailbox, host: "127.0.0.1", port: 0 });
  stops.push(() => mailbox.close());
  return `http://127.0.0.1:${String(mailbox.port)}`;
}

async function startWeb(
  config: Config,
  parts: Common & StatusParts & { linkSecret: Buffer },
  stops: (() => Promise<unknown>)[],
): Promise<string> {
  const web = createWebServer(parts.log);
  stops.push(() => web.stop());
  addLinkPages(web.app, parts);
  addStatusPage(web.app, parts);
  const reportReader: ReportReader = startReportReader();
  stops.push(() => reportReader.close());
  addReportUpload(web.app, { ...parts, reader: reportReader, bounceDomain: config.bounceDomain });
  const port = await web.listen(config.web.host, config.web.port);
  return `http://${config.web.host}:${String(port)}`;
}
