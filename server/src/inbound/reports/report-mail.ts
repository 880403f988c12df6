/** Whether an incoming mail is for the reader of reports: by what it is, or by the address it came to. Pure. */
import { isReportAddress } from "../receive/accept-recipient.ts";
import type { Recognised } from "../recognise/recognised.ts";

export function isReportMail(kind: Recognised["kind"], envelopeTo: string, bounceDomain: string): boolean {
  if (kind === "dmarc-report" || kind === "dmarc-failure" || kind === "tls-report") return true;
  return isReportAddress(envelopeTo.toLowerCase(), bounceDomain);
}
