/**
 * Writes a non-delivery report in the dress of Exchange Online: words for people as text and HTML, then the fields of
 * RFC 3464 §2, then the header of the mail. Status 5.1.10 says what others call 5.1.1. To the return path.
 */
import { readOriginal } from "./original.ts";
import {
  domainOf,
  hostOf,
  type Notice,
  type NoticeFacts,
  writeDateTime,
  writeReport,
  writeTypedAddress,
} from "./report.ts";

const DIAGNOSTIC = "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup";

export function writeExchangeReport(facts: NoticeFacts): Notice {
  const { received, now, token } = facts;
  const host = hostOf(received);
  const { mail, rcpt, messageId } = received;
  const subject = readOriginal(received.bytes).field("Subject") ?? "";
  const bytes = writeReport(
    {
      fields: [
        `Received: from ${host} by ${host} with Microsoft SMTP Server id ${token}; ${writeDateTime(now)}`,
        `From: Microsoft Outlook <postmaster@${domainOf(rcpt.to)}>`,
        `To: <${mail.from}>`,
        `Date: ${writeDateTime(now)}`,
        "Content-Language: en-US",
        `Message-ID: <${token}@${host}>`,
        ...(messageId === "" ? [] : [`In-Reply-To: ${messageId}`, `References: ${messageId}`]),
        `Subject: Undeliverable: ${subject}`,
        "Auto-Submitted: auto-replied",
        "X-MS-Exchange-Message-Is-Ndr:",
        "X-Auto-Response-Suppress: All",
      ],
      boundary: `_${token}_report_`,
      humanPart: writeHumanPart(rcpt.to, domainOf(rcpt.to), `_${token}_words_`),
      messageFields: [
        ...(mail.envelopeId === null ? [] : [`Original-Envelope-Id: ${mail.envelopeId}`]),
        `Reporting-MTA: dns;${host}`,
        `Received-From-MTA: dns;${received.helloName}`,
        `Arrival-Date: ${writeDateTime(received.receivedAt)}`,
      ],
      recipientFields: [
        `Final-Recipient: ${writeTypedAddress(rcpt.to).replace(" ", "")}`,
        "Action: failed",
        "Status: 5.1.10",
        `Diagnostic-Code: smtp;${DIAGNOSTIC}`,
      ],
      returns: "headers",
    },
    received,
  );
  return { from: "", to: mail.from, bytes };
}

function writeHumanPart(address: string, domain: string, boundary: string): string[] {
  const text = [
    `Your message to ${address} could not be delivered.`,
    "",
    `There is no recipient with this address at ${domain}.`,
    "",
    "Check the spelling of the address, or ask the person for the present one, and send the message again.",
    "",
    "For the administrators of the mail systems:",
    address,
    `Remote server returned '${DIAGNOSTIC}'`,
  ];
  const html = [
    "<html><head><meta charset='utf-8'></head><body style='font-family: Segoe UI, sans-serif'>",
    `<p style='font-size: 21px'>Your message to ${asHtml(address)} could not be delivered.</p>`,
    `<p>There is no recipient with this address at <b>${asHtml(domain)}</b>.</p>`,
    "<p>Check the spelling of the address, or ask the person for the present one, and send the message again.</p>",
    "<hr><p style='color: #666'>For the administrators of the mail systems:<br>",
    `${asHtml(address)}<br>Remote server returned &#39;${asHtml(DIAGNOSTIC)}&#39;</p></body></html>`,
  ];
  return [
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    ...writeBase64Part("text/plain", text.join("\r\n")),
    `--${boundary}`,
    ...writeBase64Part("text/html", html.join("\r\n")),
    `--${boundary}--`,
  ];
}

function writeBase64Part(type: string, text: string): string[] {
  const lines =
    Buffer.from(text)
      .toString("base64")
      .match(/.{1,76}/g) ?? [];
  return [`Content-Type: ${type}; charset="utf-8"`, "Content-Transfer-Encoding: base64", "", ...lines, ""];
}

/** An address may hold `&` or an apostrophe. */
function asHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("'", "&#39;");
}
