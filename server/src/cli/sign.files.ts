/** `roundtrip sign`: signs a message file with a DKIM key, so that others can verify what we write. */
import { readFileSync } from "node:fs";
import { createDkimSigner, explainDkimKeyProblem } from "@roundtrip/mail/dkim/sign-dkim";
import { wireBytes } from "@roundtrip/mail/message/message";
import { splitMessage } from "@roundtrip/mail/message/split-message";
import { Refusal } from "../ground/refusal.ts";

const lastsMs = 10 * 24 * 3_600_000;

/** The signed message's bytes. Throws a Refusal that says what is wrong with the key, the names or the message. */
export async function signFile(
  path: string,
  options: { dkimKey: string; domain: string; selector: string },
  now: Date,
): Promise<Buffer> {
  const signer = createDkimSigner({
    domain: options.domain,
    selector: options.selector,
    privateKey: read(options.dkimKey).toString("latin1"),
    expiresAfterMs: lastsMs,
  });
  if (!signer.ok) throw new Refusal("dkim-key-unusable", explainDkimKeyProblem(signer.error));
  const message = splitMessage(withCrlf(read(path)));
  if (!message.ok)
    throw new Refusal(
      "not-a-message",
      `${path} is not a mail message (${message.error}). Give a file with header fields, an empty line and a body.`,
    );
  return wireBytes({
    ...message.value,
    headers: [await signer.value.sign(message.value, now), ...message.value.headers],
  });
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new Refusal("file-unreadable", `${path} cannot be read. Check the path and its permissions.`, { cause });
  }
}

/** Files on disk often end lines with LF alone; mail never does. */
function withCrlf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll(/\r?\n/g, "\r\n"), "latin1");
}
