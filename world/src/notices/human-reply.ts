/**
 * Writes the answer of a person to Reply-To: a question about the survey, with the mail quoted below, as a mail program
 * with text and HTML writes it (RFC 5322 §3.6.4, RFC 2046 §5.1.4). What is quoted must be given as decoded text.
 */
import { readFieldAddress, readOriginal } from "./original.ts";
import { threadFields } from "./auto-reply.ts";
import { chooseBy, PHRASES, type Tongue } from "./phrases.ts";
import { hostOf, type Notice, type NoticeFacts, writeDateTime } from "./report.ts";

/** Null when the mail names nobody who could be answered. */
export function writeHumanReply(facts: NoticeFacts, tongue: Tongue, quotedText: string): Notice | null {
  const { received, now, token } = facts;
  const original = readOriginal(received.bytes);
  const to = readFieldAddress(original.field("Reply-To")) ?? readFieldAddress(original.field("From"));
  if (to === null) return null;
  const { questions, wrote } = PHRASES[tongue];
  const question = chooseBy(questions, received.rcpt.to) ?? "";
  const quoted = quotedText.trimEnd().split(/\r?\n/);
  const boundary = `_${token}_alternative_`;
  const lines = [
    `From: <${received.rcpt.to}>`,
    `To: <${to}>`,
    `Subject: Re: ${original.field("Subject") ?? ""}`,
    `Date: ${writeDateTime(now)}`,
    `Message-ID: <${token}@${hostOf(received)}>`,
    ...threadFields(received),
    `Content-Language: ${tongue}`,
    "MIME-Version: 1.0",
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    "",
    `--${boundary}`,
    ...writePart("text/plain", `${question}\n\n${to} ${wrote}\n${quoted.map((line) => `> ${line}`).join("\n")}\n`),
    `--${boundary}`,
    ...writePart("text/html", writeHtml(question, `${to} ${wrote}`, quoted)),
    `--${boundary}--`,
    "",
  ];
  return { from: received.rcpt.to, to, bytes: Buffer.from(lines.join("\r\n")) };
}

function writeHtml(question: string, wrote: string, quoted: readonly string[]): string {
  const paragraphs = question.split("\n\n").map((text) => `<p>${asHtml(text)}</p>`);
  const quote = quoted.map(asHtml).join("<br>\n");
  return `<html><body>${paragraphs.join("\n")}\n<div>${asHtml(wrote)}</div>\n<blockquote type="cite">${quote}</blockquote></body></html>\n`;
}

function writePart(type: string, text: string): string[] {
  const lines =
    Buffer.from(text)
      .toString("base64")
      .match(/.{1,76}/g) ?? [];
  return [`Content-Type: ${type}; charset=utf-8`, "Content-Transfer-Encoding: base64", "", ...lines, ""];
}

function asHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
