/** The embedded PostgreSQL starts wherever its data directory lies, whatever the umask is, and leaves nothing when it is removed. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, expect, it } from "vitest";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.process.ts";

const umask = process.umask();
afterEach(() => void process.umask(umask));

it("starts in a folder that is closed to others, under a strict umask, and is removed without a trace", async () => {
  process.umask(0o077);
  const dataDir = mkdtempSync(join(tmpdir(), "roundtrip-closed-"));
  chmodSync(dataDir, 0o700);
  const embedded = await startEmbeddedPostgres(dataDir);
  const client = new pg.Client({ ...embedded.connection, database: "postgres" });
  await client.connect();
  expect((await client.query("select 1 as one")).rows).toEqual([{ one: 1 }]);
  await client.end();
  await embedded.stop();
  const socketDir = embedded.connection.host;
  // As root the cluster lies outside a closed folder, under the same digest as the socket.
  const elsewhere = join("/var/lib/roundtrip", socketDir.slice(socketDir.lastIndexOf("-") + 1));
  expect([existsSync(join(elsewhere, "postgres")), existsSync(join(dataDir, "postgres"))].filter(Boolean)).toHaveLength(
    1,
  );
  removeEmbeddedPostgres(dataDir);
  expect([existsSync(socketDir), existsSync(elsewhere), readdirSync(dataDir)]).toEqual([false, false, []]);
  rmSync(dataDir, { recursive: true });
});
