/** The `roundtrip` command line: reads the words, calls one function per command, prints what it returns. Trouble of the user's is one clear sentence. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command, InvalidArgumentError } from "commander";
import {
  addAddress,
  type AddressReport,
  listAddresses,
  setAddressState,
  setOverflow,
  writeAddresses,
} from "./cli/addresses.ts";
import { benchSend } from "./cli/bench-send.ts";
import { confirmRestore } from "./cli/confirm-restore.ts";
import { runDemo } from "./cli/demo.ts";
import { runDev } from "./cli/dev.ts";
import { diagnose } from "./cli/doctor.ts";
import { explainFinding } from "./cli/finding.ts";
import { writeForecast } from "./cli/forecast.ts";
import { importPeople } from "./cli/import-people.files.ts";
import { readMailFiles } from "./cli/read-mail.files.ts";
import { signFile } from "./cli/sign.files.ts";
import { runStart } from "./cli/start.ts";
import { visitDatabase } from "./cli/visit.ts";
import { boundHeapGrowth } from "./ground/heap.process.ts";
import { Refusal } from "./ground/refusal.ts";
import { explainLedger } from "./outcome/ledger.ts";

boundHeapGrowth();
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
  .action(() => runStart(process.env, note));

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
  .action((file: string, { dryRun, json }: { dryRun: boolean; json: boolean }) =>
    visitDatabase(process.env, async ({ database, orgId }) =>
      printLine(await importPeople(database, orgId, file, { dryRun, json, now: new Date() })),
    ),
  );

program
  .command("read")
  .description("read inbound mail (a file, a folder or many)")
  .command("mail")
  .argument("<files...>")
  .option("--json", "one JSON document on stdout", false)
  .option("--jsonl", "one JSON object a line", false)
  .action(async (files: string[], options: { json: boolean; jsonl: boolean }) => {
    for await (const text of readMailFiles(files, options)) printLine(text);
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
  .action(async (round: number, { json }: { json: boolean }) =>
    printLine(await writeForecast(process.env, round, { json, now: new Date() })),
  );

const addresses = program
  .command("addresses")
  .description("the addresses that mail leaves from: what they are, and what they carry today")
  .option("--json", "one JSON document on stdout", false)
  .action(async () => printAddresses(await listAddresses(process.env, new Date())));

addresses
  .command("add")
  .description("add one, planned at first; or change its name and whose it is")
  .argument("<ip>")
  .requiredOption("--helo <name>", "its name in DNS, which it says hello with")
  .option("--organisation", "for this organisation alone, not shared", false)
  .option("--behind-nat", "a private address that receivers see as a public one", false)
  .action(async (address: string, { helo, organisation, behindNat }: AddOptions) => {
    const wish = { address, heloName: helo, isDedicated: organisation, isBehindNat: behindNat };
    printAddresses(await addAddress(process.env, wish, new Date()));
  });

addresses
  .command("state")
  .description("planned, warming (a little more each day), active, or retiring (finishes what it began)")
  .argument("<ip>")
  .argument("<state>")
  .action(async (address: string, state: string) =>
    printAddresses(await setAddressState(process.env, { address, state }, new Date())),
  );

addresses
  .command("overflow")
  .description("may mail leave by shared addresses while the organisation's own have no room?")
  .addArgument(new Argument("<on|off>").choices(["on", "off"]))
  .action(async (word: string) => printAddresses(await setOverflow(process.env, word === "on", new Date())));

interface AddOptions {
  readonly helo: string;
  readonly organisation: boolean;
  readonly behindNat: boolean;
}

function printAddresses(report: AddressReport): void {
  const { json } = addresses.opts<{ json: boolean }>();
  printLine(json ? JSON.stringify(report) : writeAddresses(report));
}

program
  .command("doctor")
  .description("what is wrong with this installation, and the cure")
  .action(async () => {
    const findings = await diagnose(process.env);
    for (const finding of findings) printLine(explainFinding(finding));
    if (findings.some(({ level }) => level === "wrong")) process.exitCode = 1;
  });

program
  .command("confirm-restore")
  .description("let a restored or copied database send mail; only when no other one sends for it")
  .action(async () => printLine(await confirmRestore(process.env, new Date())));

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
