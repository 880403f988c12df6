/**
 * Writes the frame that delivery reports share, whoever's dress they wear: multipart/report (RFC 6522 §3) with words for
 * people, the fields of RFC 3464 §2 and what was received, whole or its header only (RFC 3461 §4.3). Addresses beyond
 * ASCII are written by RFC 6533 §3. It does not know what has happened to the mail.
 */
import { isAscii } from "node:buffer";
import type { ReceivedMail } from "../arrivals.ts";
import { readOriginal } from "./original.ts";

/** A mail of the world to whoever wrote first. */
export interface Notice {
  /** Envelope sender without brackets; empty for `<>`. */
  readonly from: string;
  readonly to: string;
  readonly bytes: Buffer;
}

/** What every notice is made from. Same facts, same bytes. */
export interface NoticeFacts {
  readonly received: ReceivedMail;
  readonly now: Date;
  /** Letters, digits and hyphens; no two notices have the same. Becomes part of Message-ID and boundary. */
  readonly token: string;
}

export interface Report {
  /** Header fields without Content-Type and MIME-Version. */
  readonly fields: readonly string[];
  readonly boundary: string;
  /** A whole MIME part: its fields, an empty line, its text. */
  readonly humanPart: readonly string[];
  /** Fields per message. */
  readonly messageFields: readonly string[];
  /** Fields per recipient. */
  readonly recipientFields: readonly string[];
  readonly returns: "full" | "headers";
}

export function writeReport(report: Report, received: ReceivedMail): Buffer {
  const { boundary } = report;
  const status = isAscii(Buffer.from(report.recipientFields.join(""))) ? "delivery-status" : "global-delivery-status";
  const start = [
    ...report.fields,
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=${status};`,
    `\tboundary="${boundary}"`,
    "",
    "This report is in MIME format.",
    "",
    `--${boundary}`,
    ...report.humanPart,
    "",
    `--${boundary}`,
    "Content-Description: Delivery report",
    `Content-Type: message/${status}`,
    "",
    ...report.messageFields,
    "",
    ...report.recipientFields,
    "",
    `--${boundary}`,
    "",
  ];
  const returned = returnedPart(received, report.returns);
  return Buffer.concat([Buffer.from(start.join("\r\n")), returned, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** `rfc822; a@example.com`, or the form for addresses beyond ASCII. */
export function writeTypedAddress(address: string): string {
  return `${isAscii(Buffer.from(address)) ? "rfc822" : "utf-8"}; ${address}`;
}

/** The host that speaks for the recipient's domain. */
export function hostOf(received: ReceivedMail): string {
  return `mx.${domainOf(received.rcpt.to)}`;
}

export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}

/** Date and its relatives (RFC 5322 §3.3), in UTC. */
export function writeDateTime(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000");
}

/** Real systems return no more than some 50 kB; above that, the header alone. */
export function returnsOf(received: ReceivedMail): "full" | "headers" {
  return received.mail.returns === "headers" || received.bytes.length > 50_000 ? "headers" : "full";
}

function returnedPart(received: ReceivedMail, returns: "full" | "headers"): Buffer {
  const content = returns === "full" ? received.bytes : readOriginal(received.bytes).header;
  const fields = [
    "Content-Description: Returned message",
    `Content-Type: ${returns === "full" ? "message/rfc822" : "text/rfc822-headers"}`,
    `Content-Transfer-Encoding: ${isAscii(content) ? "7bit" : "8bit"}`,
    "",
    `Return-Path: <${received.mail.from}>`,
    "",
  ];
  return Buffer.concat([Buffer.from(fields.join("\r\n")), content]);
}
