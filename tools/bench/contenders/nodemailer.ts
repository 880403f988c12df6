/**
 * The pool of nodemailer with DKIM, as people use it (the key as PEM text, parsed anew for each mail by the library) and tuned
 * (the key as a KeyObject). One process, which builds a personal mail for each recipient; it keeps nothing.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { watchMemory } from "../process-tree.ts";
import { connections, dkimDomain, dkimName, dkimSelector, type Contender, type Keys } from "./contender.ts";

/** `packages` is the folder in which nodemailer was installed. */
export function nodemailer(packages: string, keys: Keys, key: "pem" | "key-object"): Contender {
  const program = join(packages, `nodemailer-${key}.mjs`);
  writeFileSync(program, writeProgram(keys, key));
  return {
    name: `nodemailer pool + DKIM, ${key === "pem" ? "PEM text" : "KeyObject"}`,
    differs: "Each mail personal; nothing is kept: what was on its way when it dies is lost or sent twice.",
    dkim: { name: dkimName, record: keys.record },
    send: async (sink, count) => {
      const child = spawn(process.execPath, [program, String(sink.port), String(count), String(sink.hasTls)], {
        cwd: packages,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const pids = () => (child.pid === undefined ? [] : [child.pid]);
      const { value: printed, peakMb } = await watchMemory(pids, async () => {
        const ended = once(child, "exit");
        const output = await text(child.stdout);
        await ended;
        return output;
      });
      const { cpuUs, seconds } = JSON.parse(printed) as { cpuUs: number; seconds: number };
      return { cpuUsPerMail: cpuUs / count, perSecond: count / seconds, peakMb };
    },
  };
}

function writeProgram(keys: Keys, key: "pem" | "key-object"): string {
  const pem = JSON.stringify(keys.privateKeyPem);
  return `
import { createPrivateKey } from "node:crypto";
import { createTransport } from "nodemailer";

const [port, count, hasTls] = process.argv.slice(2);
const transport = createTransport({
  pool: true, host: "127.0.0.1", port: Number(port), secure: false,
  ignoreTLS: hasTls !== "true", requireTLS: hasTls === "true", tls: { rejectUnauthorized: false },
  maxConnections: ${String(connections)}, maxMessages: 100,
  dkim: { domainName: "${dkimDomain}", keySelector: "${dkimSelector}", privateKey: ${key === "pem" ? pem : `createPrivateKey(${pem})`} },
});
const sentence = (name) => \`We ask everyone at Example Works how work is going, \${name}. It takes about three minutes, and your answers are kept apart from your name.\`;
const paragraphs = Array.from({ length: 24 });

function send(number) {
  const name = \`Person \${number}\`;
  const link = \`https://survey.example.com/s/\${number.toString(36).padStart(40, "k")}\`;
  return transport.sendMail({
    envelope: { from: \`b\${number}@bounce.example.com\`, to: \`person\${number}@example.test\` },
    from: { name: "HR via Example Works", address: "survey@${dkimDomain}" },
    to: \`person\${number}@example.test\`,
    replyTo: "reply@${dkimDomain}",
    subject: \`\${name}, a question\`,
    messageId: \`<\${number}@${dkimDomain}>\`,
    headers: { "List-Unsubscribe": \`<\${link}>\`, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated" },
    text: paragraphs.map(() => sentence(name)).join("\\n\\n") + "\\n\\n" + link + "\\n",
    html: "<html><body>" + paragraphs.map(() => \`<p style="margin:0 0 12px">\${sentence(name)}</p>\`).join("\\n") + \`<p><a href="\${link}">Answer</a></p></body></html>\`,
  });
}

const cpu = process.cpuUsage();
const startedAt = performance.now();
let begun = 0;
// Enough under way to keep every connection busy, no more.
const work = async () => { while (begun < Number(count)) await send(begun += 1); };
await Promise.all(Array.from({ length: ${String(connections * 2)} }, work));
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ cpuUs: user + system, seconds: (performance.now() - startedAt) / 1000 }));
transport.close();
`;
}
