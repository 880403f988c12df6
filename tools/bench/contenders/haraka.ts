/** Haraka with haraka-plugin-dkim in a folder of its own: takes mail on a loopback port, signs it, sends it to the sink. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

export function haraka(packages: string, keys: Keys): Contender {
  return {
    name: "Haraka + DKIM",
    differs: "Takes mails by SMTP, keeps them in queue files without fsync and sends them on; composes nothing.",
    dkim: { name: dkimName, record: keys.record },
    send: async (sink, count) => {
      const port = await findFreePort();
      const folder = layOut(packages, keys, { port, sink });
      const child = start(packages, folder);
      try {
        await untilGreets(port);
        const pids = () => (child.pid === undefined ? [] : [child.pid]);
        return await measureRelay(sink, count, { pids, feed: () => feedMails(port, count) });
      } finally {
        const ended = once(child, "exit");
        // It starts itself anew in a child, which would live on.
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
        await ended;
      }
    },
  };
}

function start(packages: string, folder: string): ChildProcess {
  return spawn(process.execPath, [join(packages, "node_modules", "Haraka", "bin", "haraka"), "-c", folder], {
    cwd: folder,
    detached: true,
    stdio: "ignore",
  });
}

function layOut(packages: string, keys: Keys, { port, sink }: { port: number; sink: Sink }): string {
  const folder = join(packages, `haraka-${String(port)}`);
  const config = join(folder, "config");
  mkdirSync(join(folder, "plugins"), { recursive: true });
  mkdirSync(join(folder, "queue"), { recursive: true });
  cpSync(join(packages, "node_modules", "haraka-plugin-dkim", "config"), config, { recursive: true });
  cpSync(join(packages, "node_modules", "Haraka", "config", "connection.ini"), join(config, "connection.ini"));
  const write = (name: string, text: string) => writeFileSync(join(config, name), text);
  write("smtp.ini", `listen=127.0.0.1:${String(port)}\n`);
  write("me", "relay.example.net\n");
  write("log.ini", "[main]\nlevel=WARN\n");
  write("plugins", "to_sink\ndkim\n");
  write(
    "outbound.ini",
    `concurrency_max=${String(connections)}\nenable_tls=${String(sink.hasTls)}\nlocal_mx_ok=true\n`,
  );
  write("tls.ini", "[outbound]\nrejectUnauthorized=false\n");
  write("dkim.ini", "[sign]\nenabled=true\n[verify]\nenabled=false\n[canon]\nheader=relaxed\nbody=relaxed\n");
  const dkim = join(config, "dkim", dkimDomain);
  mkdirSync(dkim, { recursive: true });
  writeFileSync(join(dkim, "selector"), dkimSelector);
  writeFileSync(join(dkim, "private"), keys.privateKeyPem);
  appendFileSync(join(folder, "plugins", "to_sink.js"), writeSinkPlugin(sink.port));
  return folder;
}

/** Everybody may relay, every recipient is taken, every domain's mail goes to the sink. */
function writeSinkPlugin(port: number): string {
  return `
exports.hook_connect = (next, connection) => { connection.relaying = true; next(); };
exports.hook_rcpt = (next) => next(OK);
exports.hook_get_mx = (next) => next(OK, { exchange: "127.0.0.1", port: ${String(port)}, priority: 0 });
`;
}
