/** The program's log: JSON lines on stderr through pino, with addresses, tokens and secrets taken out. */
import { pino, type Logger } from "pino";

export type Log = Logger;

const secretPaths = ["password", "secret", "token", "privateKey", "authorization", "cookie", "masterKey"];
const personalPaths = ["email", "address", "recipient", "name", "returnPath", "link"];

/** Makes the root log. `level` is a pino level or "silent". Fields named like a secret or a person are replaced, at depth one and two. */
export function createLog(level: string): Log {
  const paths = [...secretPaths, ...personalPaths].flatMap((path) => [path, `*.${path}`]);
  return pino(
    { level, base: null, redact: { paths, censor: "[redacted]" } },
    pino.destination({ dest: 2, sync: false }),
  );
}
