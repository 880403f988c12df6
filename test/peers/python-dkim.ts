/**
 * A DKIM verifier from another hand: python3-dkim, as Debian packages it, run once for many mails. That package must be
 * installed (`apt-get install python3-dkim python3-nacl`); without it this throws, for a check that skips itself proves
 * nothing.
 */
import { spawnSync } from "node:child_process";

/** Reads base64 mails and the records of a miniature DNS from stdin, and says of each mail whether its signature holds. */
const PROGRAM = `
import base64, json, sys
import dkim
asked = json.load(sys.stdin)
def find(name, timeout=5):
    text = name.decode() if isinstance(name, bytes) else name
    record = asked["records"].get(text.rstrip("."))
    return None if record is None else record.encode()
verdicts = []
for mail in asked["mails"]:
    try:
        verdict = dkim.verify(base64.b64decode(mail), dnsfunc=find)
    except dkim.DKIMException as trouble:
        verdict = str(trouble)
    verdicts.append(verdict)
json.dump(verdicts, sys.stdout)
`;

/** `records`: TXT records by name, without the last dot. Per mail `true`, `false`, or the verifier's complaint. */
export function verifyWithPython(mails: readonly Buffer[], records: Readonly<Record<string, string>>): unknown[] {
  const input = JSON.stringify({ mails: mails.map((mail) => mail.toString("base64")), records });
  const run = spawnSync("/usr/bin/python3", ["-c", PROGRAM], { input, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (run.error) throw run.error;
  if (run.status !== 0) throw new Error(`python3-dkim did not run (apt-get install python3-dkim): ${run.stderr}`);
  return JSON.parse(run.stdout) as unknown[];
}
