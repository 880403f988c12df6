/** Has a reply checked, once, and keeps what came of it. Without name servers there is nothing to ask, and it says so. */
import type { Database } from "../ground/database.store.ts";
import { readIpAddress } from "../ground/ip-address.ts";
import type { Authenticator } from "./authenticator.worker.ts";
import type { Verdict } from "./verdict.ts";

export async function authenticateReply(
  database: Database,
  inboundId: number,
  authenticator: Authenticator | null,
): Promise<void> {
  const found = await database.engine.query<{
    raw: Buffer;
    remote_ip: string | null;
    helo: string | null;
    envelope_from: string;
  }>(
    `select m.raw, m.remote_ip, m.helo, m.envelope_from from inbound_mail m join reply r on r.inbound_id = m.id where m.id = $1 and r.verdict is null`,
    [inboundId],
  );
  const mail = found.rows[0];
  if (!mail) return;
  const verdict: Verdict = authenticator
    ? await authenticator.check({
        raw: mail.raw,
        ip: isFromOutside(mail.remote_ip) ? mail.remote_ip : null,
        helo: mail.helo ?? "",
        envelopeFrom: mail.envelope_from,
      })
    : { kind: "not-checked", because: "this installation has no name servers to ask" };
  await database.engine.query("update reply set verdict = $2 where inbound_id = $1", [inboundId, verdict]);
}

/** A mail server of ours in front of us stands between: then the address is its own. */
function isFromOutside(ip: string | null): boolean {
  return (
    ip !== null &&
    readIpAddress(ip) !== null &&
    !/^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|::1$|f[cd]|fe80:)/i.test(ip)
  );
}
