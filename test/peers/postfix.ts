/**
 * A real Postfix for tests, as a relay and as the mail system of two firms: configured and run entirely inside a folder
 * of its own, on loopback ports, without syslog, DNS or the system's instance (/etc/postfix stays unread). Debian's
 * package must be installed and we must be root; otherwise it refuses, for a peer that is left out proves nothing.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { until } from "./until.ts";

export interface PostfixPlan {
  /** Addresses that have a mailbox. Their domains are the firms whose last stop this server is. */
  readonly mailboxes: readonly string[];
  /** Addresses here that pass on to another address. */
  readonly forwardings: Readonly<Record<string, string>>;
  /** Addresses whose mailbox stays full until Postfix gives up. */
  readonly full: readonly string[];
  /** A domain this server forwards to over SMTP, where nobody is known: its refusal comes from another hop. */
  readonly strangers: string;
  /** Domains that live with us, and the loopback port of our listener. */
  readonly ours: { readonly domains: readonly string[]; readonly port: number };
}

export interface Postfix {
  /** Takes mail for anybody on this port and learns later who does not exist: a notice comes back. */
  readonly acceptingPort: number;
  /** Refuses unknown people at RCPT. */
  readonly refusingPort: number;
  /** The mails in somebody's mailbox as they would go on over SMTP, with CR LF at line ends. */
  readMailbox(address: string): readonly Buffer[];
  /** Mails that it still has to do something about. */
  countQueued(): number;
  readLog(): string;
  /** Ends it, waits until none of its processes is left, and removes its folder. */
  stop(): Promise<void>;
}

/** A port that was free a moment ago. Chosen at random, so that nobody else is likely to take it in between. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export async function startPostfix(plan: PostfixPlan): Promise<Postfix> {
  const owner = findOwner();
  const ports = { accepting: await findFreePort(), refusing: await findFreePort() };
  // Under /var/tmp, because the clone and even the usual temporary folder may be closed to Postfix's own user.
  const folder = mkdtempSync("/var/tmp/roundtrip-postfix-");
  chmodSync(folder, 0o755);
  layOutFolders(folder, owner);
  writeConfiguration(folder, plan, ports);
  const master = startMaster(folder);
  const readLog = () => (existsSync(join(folder, "log")) ? readFileSync(join(folder, "log"), "utf8") : "");
  const stop = async (): Promise<void> => {
    await endGroup(master);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => {
      if (master.exitCode !== null) throw new Error(`Postfix ended at once: ${readLog()}`);
      return (await greets(ports.accepting)) && (await greets(ports.refusing))
        ? null
        : `Postfix does not greet on its ports. ${readLog()}`;
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    acceptingPort: ports.accepting,
    refusingPort: ports.refusing,
    readMailbox: (address) => readMaildir(join(folder, "mail", address, "new")),
    countQueued: () => queueFolders.reduce((sum, name) => sum + countFiles(join(folder, "queue", name)), 0),
    readLog,
    stop,
  };
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
  /** The group of what users may drop off. */
  readonly dropGid: number;
}

function findOwner(): Owner {
  if (!existsSync("/usr/sbin/postfix")) throw new Error("This test talks to a real Postfix: apt-get install postfix.");
  if (process.getuid?.() !== 0) throw new Error("Postfix starts as root only, so this test must run as root.");
  const [, , uid, gid] = findEntry("/etc/passwd", "postfix");
  const [, , dropGid] = findEntry("/etc/group", "postdrop");
  return { uid: Number(uid), gid: Number(gid), dropGid: Number(dropGid) };
}

function findEntry(file: string, name: string): string[] {
  const line = readFileSync(file, "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`There is no ${name} in ${file}: Debian's postfix package is not set up.`);
  return line.split(":");
}

/** Who the mailboxes belong to. */
const mailboxUser = 65_534;
const queueFolders = ["incoming", "active", "deferred", "bounce", "defer"] as const;

/** The folders and owners that Postfix's own installer would make. */
function layOutFolders(folder: string, { uid, gid, dropGid }: Owner): void {
  const make = (name: string, mode: number, user: number, group: number): void => {
    const path = join(folder, name);
    mkdirSync(path);
    chownSync(path, user, group);
    chmodSync(path, mode);
  };
  make("conf", 0o755, 0, 0);
  make("data", 0o700, uid, gid);
  make("mail", 0o700, mailboxUser, mailboxUser);
  make("queue", 0o755, 0, 0);
  make("queue/pid", 0o755, 0, 0);
  make("queue/public", 0o2710, uid, dropGid);
  make("queue/maildrop", 0o1730, uid, dropGid);
  for (const name of [...queueFolders, "private", "corrupt", "flush", "hold", "saved", "trace"])
    make(`queue/${name}`, 0o700, uid, gid);
}

interface Ports {
  readonly accepting: number;
  readonly refusing: number;
}

function writeConfiguration(folder: string, plan: PostfixPlan, ports: Ports): void {
  const conf = join(folder, "conf");
  makeCertificate(conf);
  const domains = new Set([...plan.mailboxes, ...Object.keys(plan.forwardings)].map(domainOf));
  writeMap(
    conf,
    "mailboxes",
    [...plan.mailboxes, ...plan.full].map((address) => [address, `${address}/`]),
  );
  writeMap(conf, "forwardings", Object.entries(plan.forwardings));
  writeMap(conf, "strangers", [[`nobody@${plan.strangers}`, "x"]]);
  writeMap(conf, "transports", [
    ...plan.ours.domains.map((domain) => [domain, `smtp:[127.0.0.1]:${String(plan.ours.port)}`] as const),
    [plan.strangers, `smtp:[127.0.0.1]:${String(ports.refusing)}`],
    ...plan.full.map((address) => [address, "retry:4.2.2 The mailbox of this user is full"] as const),
  ]);
  writeFileSync(join(conf, "main.cf"), writeMainCf(folder, plan, [...domains]));
  writeFileSync(join(conf, "master.cf"), writeMasterCf(ports));
  // Whatever our umask is, most of Postfix reads these as its own user; the key is read before it becomes that.
  for (const name of readdirSync(conf)) chmodSync(join(conf, name), name === "key.pem" ? 0o600 : 0o644);
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

function writeMap(conf: string, name: string, entries: readonly (readonly [string, string])[]): void {
  writeFileSync(join(conf, name), entries.map(([key, value]) => `${key} ${value}\n`).join(""));
}

/** A certificate nobody vouches for: what opportunistic TLS meets most often. */
function makeCertificate(conf: string): void {
  const where = ["-keyout", join(conf, "key.pem"), "-out", join(conf, "certificate.pem")];
  const made = spawnSync(
    "/usr/bin/openssl",
    [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
      "-subj",
      `/CN=${hostName}`,
      ...where,
    ],
    {
      encoding: "utf8",
    },
  );
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`);
}

const hostName = "relay.example.net";

function writeMainCf(folder: string, plan: PostfixPlan, domains: readonly string[]): string {
  const conf = join(folder, "conf");
  const settings = {
    compatibility_level: "3.6",
    myhostname: hostName,
    queue_directory: join(folder, "queue"),
    data_directory: join(folder, "data"),
    maillog_file: join(folder, "log"),
    inet_interfaces: "loopback-only",
    inet_protocols: "ipv4",
    mynetworks: "127.0.0.0/8",
    smtpd_relay_restrictions: "permit_mynetworks, reject",
    smtpd_reject_unlisted_recipient: "no",
    mydestination: "",
    local_recipient_maps: "",
    alias_maps: "",
    virtual_mailbox_domains: domains.join(" "),
    virtual_mailbox_base: join(folder, "mail"),
    virtual_mailbox_maps: `texthash:${conf}/mailboxes`,
    virtual_alias_maps: `texthash:${conf}/forwardings`,
    virtual_uid_maps: `static:${String(mailboxUser)}`,
    virtual_gid_maps: `static:${String(mailboxUser)}`,
    relay_domains: plan.strangers,
    relay_recipient_maps: `texthash:${conf}/strangers`,
    transport_maps: `texthash:${conf}/transports`,
    disable_dns_lookups: "yes",
    smtpd_peername_lookup: "no",
    soft_bounce: "no",
    notify_classes: "",
    // Put off, warned about, tried again and given up, all within seconds.
    queue_run_delay: "1s",
    minimal_backoff_time: "1s",
    maximal_backoff_time: "1s",
    delay_warning_time: "1s",
    maximal_queue_lifetime: "4s",
    smtpd_tls_security_level: "may",
    smtpd_tls_cert_file: join(conf, "certificate.pem"),
    smtpd_tls_key_file: join(conf, "key.pem"),
    smtpd_tls_received_header: "yes",
    message_size_limit: "1048576",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

/** Service, type, private, unprivileged, chroot, wake-up, most processes, program. */
function writeMasterCf(ports: Ports): string {
  // Its own name, or Postfix would take the second hop for a loop back to itself.
  const refusing = `-o smtpd_reject_unlisted_recipient=yes -o myhostname=mx.strict.example.net`;
  const rows = [
    `127.0.0.1:${String(ports.accepting)} inet n - n - - smtpd`,
    `127.0.0.1:${String(ports.refusing)} inet n - n - - smtpd ${refusing}`,
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "tlsmgr unix - - n 1000? 1 tlsmgr",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "verify unix - - n - 1 verify",
    "flush unix n - n 1000? 0 flush",
    "proxymap unix - - n - - proxymap",
    "smtp unix - - n - - smtp",
    "relay unix - - n - - smtp",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "virtual unix - n n - - virtual",
    "anvil unix - - n - 1 anvil",
    "scache unix - - n - 1 scache",
    "postlog unix-dgram n - n - 1 postlogd",
  ];
  return `${rows.join("\n")}\n`;
}

/** The master itself, undetached and in a process group of its own, so that we end exactly what we started. */
function startMaster(folder: string): ChildProcess {
  const daemons = spawnSync("/usr/sbin/postconf", ["-c", join(folder, "conf"), "-h", "daemon_directory"], {
    encoding: "utf8",
  }).stdout.trim();
  const master = spawn(join(daemons, "master"), ["-c", join(folder, "conf"), "-d"], {
    cwd: "/",
    detached: true,
    stdio: "ignore",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" },
  });
  process.once("exit", () => signalGroup(master, "SIGKILL"));
  return master;
}

async function endGroup(master: ChildProcess): Promise<void> {
  if (master.exitCode === null && master.signalCode === null) {
    const ended = once(master, "exit");
    master.kill("SIGTERM");
    await ended;
  }
  await until(() => (signalGroup(master, 0) ? "Postfix's processes do not end" : null), 5000).catch(
    (error: unknown) => {
      signalGroup(master, "SIGKILL");
      throw error;
    },
  );
}

/** Whether anybody of the group was there to hear it. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", (chunk) => {
      resolve(chunk.toString("latin1").startsWith("220"));
      socket.end("QUIT\r\n");
    });
    socket.once("error", () => resolve(false));
  });
}

function readMaildir(folder: string): readonly Buffer[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((name) =>
    Buffer.from(readFileSync(join(folder, name), "latin1").replaceAll(/\r?\n/g, "\r\n"), "latin1"),
  );
}

/** Queue files lie in folders by the first letters of their names. */
function countFiles(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).length;
}
