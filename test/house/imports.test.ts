/** The import rules hold, and the tool that says so is not blind: it saw the modules, and it finds breaches planted for it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const planted: string[] = [];

interface Cruise {
  readonly summary: {
    readonly totalCruised: number;
    readonly violations: readonly { readonly rule: { readonly name: string }; readonly from: string }[];
  };
}

function cruise(): Cruise["summary"] {
  const args = [
    join(root, "node_modules/.bin/depcruise"),
    "--config",
    ".dependency-cruiser.mjs",
    "--output-type",
    "json",
    "mail",
    "world",
    "server",
  ];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", maxBuffer: 100_000_000 });
  return (JSON.parse(run.stdout) as Cruise).summary;
}

/** Writes a file with one forbidden import into a new folder, so that no real file is touched. */
function plant(folder: string, name: string, line: string): void {
  const dir = mkdtempSync(join(root, folder, "planted-"));
  planted.push(dir);
  writeFileSync(join(dir, name), `/** A breach planted by a test. */\n${line}\n`);
}

describe("import rules", () => {
  afterEach(() => {
    for (const dir of planted.splice(0)) rmSync(dir, { recursive: true, force: true });
  });

  it("are kept by every module, and all modules were seen", () => {
    const { totalCruised, violations } = cruise();
    expect(violations.map((violation) => `${violation.rule.name}: ${violation.from}`)).toEqual([]);
    expect(totalCruised).toBeGreaterThan(80);
  });

  it("find what is planted against them", () => {
    plant(
      "server/src/inbound",
      "a.ts",
      'import { composeMail } from "../../outbound/outbound.ts";\nexport const x = composeMail;',
    );
    plant(
      "server/src/outbound",
      "b.ts",
      'import { recogniseMail } from "../../inbound/recognise/recognise.ts";\nexport const x = recogniseMail;',
    );
    plant(
      "server/src/outcome",
      "c.ts",
      'import { composeMail } from "../../outbound/outbound.ts";\nexport const x = composeMail;',
    );
    plant(
      "server/src/outcome",
      "d.ts",
      'import { recordOutcomes } from "../outcome.store.ts";\nexport const x = recordOutcomes;',
    );
    plant("mail/src", "e.ts", 'import { connect } from "node:net";\nexport const x = connect;');
    plant(
      "mail/src",
      "f.ts",
      'import { Refusal } from "../../../server/src/ground/refusal.ts";\nexport const x = Refusal;',
    );
    const found = cruise()
      .violations.filter((violation) => violation.from.includes("planted-"))
      .map((violation) => violation.rule.name);
    expect(new Set(found)).toEqual(
      new Set([
        "inbound-never-imports-outbound",
        "outbound-never-imports-inbound",
        "outcome-knows-no-journey",
        "plain-files-are-pure",
        "plain-files-open-no-socket",
        "mail-imports-nothing-of-ours",
      ]),
    );
  });
});
