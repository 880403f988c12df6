/**
 * Debian's Postfix with OpenDKIM as its milter, in folders of their own (neither /etc/postfix nor /etc/opendkim.conf is
 * read): takes mail on a loopback port, queues it with fsync, has it signed, relays it to the sink over kept connections.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Sink } from "../sink.ts";
import {
  connections,
  type Contender,
  dkimDomain,
  dkimName,
  dkimSelector,
  type Keys,
  measureRelay,
} from "./contender.ts";
import { feedMails, findFreePort, untilGreets } from "./smtp-source.ts";

export function postfixOpenDkim(keys: Keys): Contender {
  return {
    name: "Postfix + OpenDKIM",
    differs:
      "Takes mails by SMTP, queues them with fsync and relays them; composes nothing, keeps no outcome but a log line.",
    dkim: { name: dkimName, record: keys.record },
    send: async (sink, count) => {
      const owner = findOwner();
      const folder = mkdtempSync("/var/tmp/roundtrip-bench-postfix-");
      const port = await findFreePort();
      const started: ChildProcess[] = [];
      try {
        layOut(folder, owner, keys);
        writeConfiguration(folder, port, sink);
        const milter = startGroup("/usr/sbin/opendkim", ["-f", "-x", join(folder, "opendkim.conf")]);
        started.push(milter);
        while (!existsSync(join(folder, "milter", "socket"))) {
          if (milter.exitCode !== null) throw new Error("OpenDKIM ended at once.");
          await wait(50);
        }
        const master = startGroup(join(daemonFolder(folder), "master"), ["-c", join(folder, "conf"), "-d"]);
        started.push(master);
        await untilGreets(port);
        const pids = () => started.map(({ pid }) => pid ?? 0);
        return await measureRelay(sink, count, { pids, feed: () => feedMails(port, count) });
      } finally {
        for (const child of started.toReversed()) await endGroup(child);
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly dropGid: number;
}

function findOwner(): Owner {
  if (process.getuid?.() !== 0) throw new Error("Postfix starts as root only.");
  const [, , uid, gid] = findEntry("/etc/passwd", "postfix");
  const [, , dropGid] = findEntry("/etc/group", "postdrop");
  return { uid: Number(uid), gid: Number(gid), dropGid: Number(dropGid) };
}

function findEntry(file: string, name: string): readonly string[] {
  const line = readFileSync(file, "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) throw new Error(`There is no ${name} in ${file}: apt-get install postfix.`);
  return line.split(":");
}

const queueFolders = ["incoming", "active", "deferred", "bounce", "defer"] as const;
const otherFolders = ["private", "corrupt", "flush", "hold", "saved", "trace"] as const;

function layOut(folder: string, { uid, gid, dropGid }: Owner, keys: Keys): void {
  chmodSync(folder, 0o755);
  const make = (name: string, mode: number, user: number, group: number): void => {
    const path = join(folder, name);
    mkdirSync(path);
    chownSync(path, user, group);
    chmodSync(path, mode);
  };
  make("conf", 0o755, 0, 0);
  make("data", 0o700, uid, gid);
  make("milter", 0o755, uid, gid);
  make("queue", 0o755, 0, 0);
  make("queue/pid", 0o755, 0, 0);
  make("queue/public", 0o2710, uid, dropGid);
  make("queue/maildrop", 0o1730, uid, dropGid);
  for (const name of [...queueFolders, ...otherFolders]) make(`queue/${name}`, 0o700, uid, gid);
  const key = join(folder, "milter", "key.pem");
  writeFileSync(key, keys.privateKeyPem, { mode: 0o600 });
  chownSync(key, uid, gid);
}

function writeConfiguration(folder: string, port: number, sink: Sink): void {
  const socket = join(folder, "milter", "socket");
  writeSettings(join(folder, "opendkim.conf"), " ", {
    Mode: "s",
    Domain: dkimDomain,
    Selector: dkimSelector,
    KeyFile: join(folder, "milter", "key.pem"),
    Canonicalization: "relaxed/relaxed",
    SignatureAlgorithm: "rsa-sha256",
    Socket: `local:${socket}`,
    UserID: "postfix",
    UMask: "000",
    Syslog: "no",
    // It minds that anybody may write to the folder above ours.
    RequireSafeKeys: "no",
  });
  writeSettings(join(folder, "conf", "main.cf"), " = ", {
    compatibility_level: "3.6",
    myhostname: "relay.example.net",
    queue_directory: join(folder, "queue"),
    data_directory: join(folder, "data"),
    maillog_file: join(folder, "log"),
    maillog_file_prefixes: "/var/tmp",
    inet_interfaces: "loopback-only",
    inet_protocols: "ipv4",
    mynetworks: "127.0.0.0/8",
    smtpd_relay_restrictions: "permit_mynetworks, reject",
    mydestination: "",
    local_recipient_maps: "",
    alias_maps: "",
    relayhost: `[127.0.0.1]:${String(sink.port)}`,
    disable_dns_lookups: "yes",
    smtpd_peername_lookup: "no",
    smtpd_milters: `unix:${socket}`,
    milter_default_action: "tempfail",
    default_destination_concurrency_limit: String(connections),
    initial_destination_concurrency: String(connections),
    smtp_tls_security_level: sink.hasTls ? "encrypt" : "none",
    smtp_tls_connection_reuse: sink.hasTls ? "yes" : "no",
    smtp_tls_session_cache_database: "",
    notify_classes: "",
  });
  writeFileSync(join(folder, "conf", "master.cf"), writeMasterCf(port));
}

function writeSettings(file: string, between: string, settings: Readonly<Record<string, string>>): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name}${between}${value}\n`);
  writeFileSync(file, lines.join(""));
}

/** Service, type, private, unprivileged, chroot, wake-up, most processes, program. */
function writeMasterCf(port: number): string {
  const rows = [
    `127.0.0.1:${String(port)} inet n - n - - smtpd`,
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "tlsmgr unix - - n 1000? 1 tlsmgr",
    "tlsproxy unix - - n - 0 tlsproxy",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "proxymap unix - - n - - proxymap",
    "smtp unix - - n - - smtp",
    "relay unix - - n - - smtp",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "anvil unix - - n - 1 anvil",
    "scache unix - - n - 1 scache",
    "postlog unix-dgram n - n - 1 postlogd",
  ];
  return `${rows.join("\n")}\n`;
}

function daemonFolder(folder: string): string {
  const asked = spawnSync("/usr/sbin/postconf", ["-c", join(folder, "conf"), "-h", "daemon_directory"], {
    encoding: "utf8",
  });
  return asked.stdout.trim();
}

/** In a process group of its own, so that we end exactly what we started. */
function startGroup(program: string, options: readonly string[]): ChildProcess {
  return spawn(program, options, {
    cwd: "/",
    detached: true,
    stdio: "ignore",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C", TZ: "UTC" },
  });
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    process.kill(-child.pid, "SIGTERM");
    await ended;
  }
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Nobody of the group is left: that is what was wanted.
  }
}
