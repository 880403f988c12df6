/** The `roundtrip` command line: reads the words, calls one function per command, prints what it returns. Trouble of the user's is one clear sentence. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command, InvalidArgumentError } from "commander";
import type { AddressReport } from "./cli/addresses.ts";
import { runDev } from "./cli/dev.ts";
import { explainFinding } from "./cli/finding.ts";
import { readMailFiles } from "./cli/read-mail.files.ts";
import { readReportFiles } from "./cli/read-report.files.ts";
import { signFile } from "./cli/sign.files.ts";
import { boundHeapGrowth } from "./ground/heap.process.ts";
import { Refusal } from "./ground/refusal.ts";
import { explainLedger } from "./outcome/ledger.ts";

boundHeapGrowth();
// What only some commands need is loaded by them: reading a file should not wait for a server that nobody asked for.
const inDatabase = () => import("./cli/visit.ts");
const withAddresses = () => import("./cli/addresses.ts");
const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
  version: string;
};
const program = new Command("roundtrip").description("Survey mail that arrives, and comes back.").version(version);

const note = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string | Uint8Array): void => void process.stdout.write(text);
const printLine = (text: string): void => print(`${text}\n`);

program
  .command("start")
  .description("start everything; the first time with a demo company and a demo round")
  .action(async () => {
    const { runStart } = await import("./cli/start.ts");
    await runStart(process.env, note);
  });

program
  .command("dev")
  .description("the same, starting again whenever a file changes")
  .action(() => runDev());

program
  .command("demo")
  .description("the main job without a browser, in a fresh temporary data directory")
  .option("--people <n>", "how many people", wholeNumber, 1000)
  .option("--json", "one JSON document on stdout", false)
  .action(async ({ people, json }: { people: number; json: boolean }) => {
    const { runDemo } = await import("./cli/demo.ts");
    const result = await runDemo(people, note);
    if (json) return printLine(JSON.stringify(result));
    printLine(explainLedger(result.ledger));
    printLine(
      `${String(result.flagged)} people flagged, ${String(result.replies)} replies and ${String(result.automaticReplies)} automatic ones came back; ${String(result.messagesPerSecond)} mails a second, settled after ${String(result.seconds)} s.`,
    );
  });

program
  .command("import")
  .description("import people from a CSV file")
  .argument("<file>")
  .option("--dry-run", "say what would happen and change nothing", false)
  .option("--json", "one JSON document on stdout", false)
  .action(async (file: string, { dryRun, json }: { dryRun: boolean; json: boolean }) => {
    const [{ visitDatabase }, { importPeople }] = [await inDatabase(), await import("./cli/import-people.files.ts")];
    await visitDatabase(process.env, async ({ database, orgId }) =>
      printLine(await importPeople(database, orgId, file, { dryRun, json, now: new Date() })),
    );
  });

const read = program.command("read").description("read what came in, without any database");

read
  .command("mail")
  .description("inbound mail (a file, a folder or many)")
  .argument("<files...>")
  .option("--json", "one JSON document on stdout", false)
  .option("--jsonl", "one JSON object a line", false)
  .action(async (files: string[], options: { json: boolean; jsonl: boolean }) => {
    for await (const text of readMailFiles(files, options)) printLine(text);
  });

read
  .command("report")
  .description("DMARC and TLS reports: XML, JSON, gzip, zip, or the mail that brought one")
  .argument("<files...>")
  .option("--json", "one JSON document on stdout", false)
  .action(async (files: string[], { json }: { json: boolean }) => {
    for await (const text of readReportFiles(files, json)) printLine(text);
  });

program
  .command("sign")
  .description("sign a message with DKIM and write it to stdout")
  .argument("<file>")
  .requiredOption("--dkim-key <pem>", "file with the private key")
  .requiredOption("--domain <domain>", "d=")
  .requiredOption("--selector <selector>", "s=")
  .action(async (file: string, options: { dkimKey: string; domain: string; selector: string }) =>
    print(await signFile(file, options, new Date())),
  );

program
  .command("bench")
  .description("measure")
  .command("send")
  .description("durable, personalised, DKIM-signed sending to an SMTP sink on this machine")
  .requiredOption("--to <host:port>", "the sink; loopback only", hostPort)
  .option("--count <n>", "how many mails", wholeNumber, 10_000)
  .option("--size <bytes>", "size of a mail", wholeNumber, 8192)
  .option("--connections <n>", "SMTP connections", wholeNumber, 100)
  .option("--json", "one JSON document on stdout", false)
  .action(
    async ({
      json,
      ...options
    }: {
      to: { host: string; port: number };
      count: number;
      size: number;
      connections: number;
      json: boolean;
    }) => {
      const { benchSend } = await import("./cli/bench-send.ts");
      const result = await benchSend(options, note);
      const { node, postgres } = result.cpuMsPerMessage;
      printLine(
        json
          ? JSON.stringify(result)
          : `${String(result.sent)} mails in ${String(result.seconds)} s: ${String(result.perSecond)} a second; CPU per mail ${String(node)} ms Node + ${String(postgres ?? "?")} ms PostgreSQL; ${String(result.rssMb)} MB`,
      );
    },
  );

program
  .command("forecast")
  .description("when a round will be out, and what it waits for; launches nothing")
  .argument("<round>", "its number", wholeNumber)
  .option("--json", "one JSON document on stdout", false)
  .action(async (round: number, { json }: { json: boolean }) => {
    const { writeForecast } = await import("./cli/forecast.ts");
    printLine(await writeForecast(process.env, round, { json, now: new Date() }));
  });

const addresses = program
  .command("addresses")
  .description("the addresses that mail leaves from: what they are, and what they carry today")
  .option("--json", "one JSON document on stdout", false)
  .action(async () => printAddresses(await (await withAddresses()).listAddresses(process.env, new Date())));

addresses
  .command("add")
  .description("add one, planned at first; or change its name and whose it is")
  .argument("<ip>")
  .requiredOption("--helo <name>", "its name in DNS, which it says hello with")
  .option("--organisation", "for this organisation alone, not shared", false)
  .option("--behind-nat", "a private address that receivers see as a public one", false)
  .action(async (address: string, { helo, organisation, behindNat }: AddOptions) => {
    const wish = { address, heloName: helo, isDedicated: organisation, isBehindNat: behindNat };
    await printAddresses(await (await withAddresses()).addAddress(process.env, wish, new Date()));
  });

addresses
  .command("state")
  .description("planned, warming (a little more each day), active, or retiring (finishes what it began)")
  .argument("<ip>")
  .argument("<state>")
  .action(async (address: string, state: string) =>
    printAddresses(await (await withAddresses()).setAddressState(process.env, { address, state }, new Date())),
  );

addresses
  .command("overflow")
  .description("may mail leave by shared addresses while the organisation's own have no room?")
  .addArgument(new Argument("<on|off>").choices(["on", "off"]))
  .action(async (word: string) =>
    printAddresses(await (await withAddresses()).setOverflow(process.env, word === "on", new Date())),
  );

interface AddOptions {
  readonly helo: string;
  readonly organisation: boolean;
  readonly behindNat: boolean;
}

async function printAddresses(report: AddressReport): Promise<void> {
  const { writeAddresses } = await withAddresses();
  const { json } = addresses.opts<{ json: boolean }>();
  printLine(json ? JSON.stringify(report) : writeAddresses(report));
}

program
  .command("doctor")
  .description("what is wrong with this installation, and the cure")
  .action(async () => {
    const { diagnose } = await import("./cli/doctor.ts");
    const findings = await diagnose(process.env);
    for (const finding of findings) printLine(explainFinding(finding));
    if (findings.some(({ level }) => level === "wrong")) process.exitCode = 1;
  });

program
  .command("replies")
  .description("what people wrote back, with the number of each")
  .option("--json", "one JSON document on stdout", false)
  .action(async ({ json }: { json: boolean }) => {
    const { writeReplies } = await import("./cli/replies.ts");
    printLine(await writeReplies(process.env, json));
  });

program
  .command("reply")
  .description("answer a reply; the running program sends it")
  .argument("<id>", "its number", wholeNumber)
  .requiredOption("--text <text>", "what to say, as plain text")
  .action(async (id: number, { text }: { text: string }) => {
    const { answer } = await import("./cli/replies.ts");
    printLine(await answer(process.env, { id, text, now: new Date() }));
  });

program
  .command("reread")
  .description("read again what nobody could match or read; the running program does it")
  .option("--json", "one JSON document on stdout", false)
  .action(async ({ json }: { json: boolean }) => {
    const { reread } = await import("./cli/replies.ts");
    printLine(await reread(process.env, json));
  });

program
  .command("confirm-restore")
  .description("let a restored or copied database send mail; only when no other one sends for it")
  .action(async () => {
    const { confirmRestore } = await import("./cli/confirm-restore.ts");
    printLine(await confirmRestore(process.env, new Date()));
  });

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("Give a whole number above 0.");
  return Number(text);
}

function hostPort(text: string): { host: string; port: number } {
  const parts = /^(127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})$/.exec(text);
  if (!parts) throw new InvalidArgumentError("Give a sink on this machine, such as 127.0.0.1:2526.");
  return { host: (parts[1] ?? "").replaceAll(/[[\]]/g, ""), port: Number(parts[2]) };
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  note(`roundtrip: ${error.message}`);
  process.exitCode = 1;
}
