/**
 * Reads the machine part of a delivery report: message/delivery-status (RFC 3464 §2) and message/global-delivery-status
 * (RFC 6533 §3). Lenient on shape (groups run together or torn apart, fields in any order), exact on meaning: nothing is
 * made up, unknown fields are kept. It does not judge what the report means; never throws.
 */
import { readXtext } from "./xtext.ts";

export type ReportAction = "failed" | "delayed" | "delivered" | "relayed" | "expanded";

export interface TypedText {
  /** Lower case: `smtp`, `rfc822`, `dns`, `x-postfix`; empty where the field names none. */
  readonly type: string;
  readonly text: string;
}

export interface ReportedRecipient {
  /** RFC 3464 §2.3.2; a `utf-8` address is decoded (RFC 6533 §3). */
  readonly finalRecipient: TypedText | null;
  /** RFC 3464 §2.3.1. */
  readonly originalRecipient: TypedText | null;
  /** Null where it is missing or no word that the RFC knows; the word itself is then among `otherFields`. */
  readonly action: ReportAction | null;
  /** `5.1.1`; null where it has not that shape. */
  readonly status: string | null;
  readonly remoteMta: TypedText | null;
  readonly diagnosticCode: TypedText | null;
  /** As written: dates in reports are too varied to promise more. */
  readonly lastAttempt: string | null;
  readonly willRetryUntil: string | null;
  readonly otherFields: readonly ReportField[];
}

export interface DeliveryReport {
  readonly reportingMta: TypedText | null;
  /** Decoded from xtext. */
  readonly originalEnvelopeId: string | null;
  readonly arrivalDate: string | null;
  readonly recipients: readonly ReportedRecipient[];
  /** Unknown fields of the message part. */
  readonly otherFields: readonly ReportField[];
}

export interface ReportField {
  readonly name: string;
  readonly value: string;
}

const MOST_FIELDS = 20_000;
const MESSAGE_FIELDS = new Set([
  "reporting-mta",
  "original-envelope-id",
  "arrival-date",
  "dsn-gateway",
  "received-from-mta",
]);
const FIELD = /^([!-9;-~]{1,100}?)[ \t]{0,10}:[ \t]?(.*)$/;

/** `text` is the decoded body of the part. A report without any known field is still a report, of no recipients. */
export function readDeliveryReport(text: string): DeliveryReport {
  const message: ReportField[] = [];
  const groups: ReportField[][] = [];
  for (const group of readGroups(text)) {
    const own = group.filter((field) => !isMessageField(field));
    message.push(...group.filter(isMessageField));
    if (!own.some(isRecipientField)) message.push(...own);
    else for (const recipient of splitRecipients(own)) placeGroup(groups, recipient);
  }
  return {
    reportingMta: typed(find(message, "reporting-mta")),
    originalEnvelopeId: mapped(find(message, "original-envelope-id"), (value) => readXtext(value)),
    arrivalDate: find(message, "arrival-date"),
    recipients: groups.map(readRecipient),
    otherFields: message.filter((field) => !isMessageField(field)),
  };
}

/** Blocks of fields between empty lines, folds undone. */
function readGroups(text: string): ReportField[][] {
  const groups: ReportField[][] = [];
  let group: { name: string; value: string }[] = [];
  let seen = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (seen === MOST_FIELDS) break;
    const last = group.at(-1);
    if (line.trim() === "") {
      if (group.length > 0) groups.push(group);
      group = [];
    } else if (/^[ \t]/.test(line) && last) last.value += `\n${line.trim()}`;
    else {
      const [, name, value] = FIELD.exec(line) ?? [];
      seen += 1;
      if (name !== undefined && value !== undefined) group.push({ name, value: value.trim() });
      // A line that lost its fold still belongs to the words before it.
      else if (last) last.value += `\n${line.trim()}`;
    }
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

function isMessageField(field: ReportField): boolean {
  return MESSAGE_FIELDS.has(field.name.toLowerCase());
}

const RECIPIENT_FIELDS = new Set([
  "final-recipient",
  "original-recipient",
  "action",
  "status",
  "diagnostic-code",
  "remote-mta",
  "last-attempt-date",
  "will-retry-until",
  "final-log-id",
  "x-actual-recipient",
]);

function isRecipientField(field: ReportField): boolean {
  return RECIPIENT_FIELDS.has(field.name.toLowerCase());
}

/** Some write all recipients without empty lines between them: a second Final-Recipient begins the next one. */
function splitRecipients(fields: readonly ReportField[]): ReportField[][] {
  const finals = fields.filter((field) => isNamed(field, "final-recipient")).length;
  if (finals < 2) return [[...fields]];
  const leader = fields.find((field) => isNamed(field, "final-recipient") || isNamed(field, "original-recipient"));
  const parts: ReportField[][] = [];
  for (const field of fields) {
    const part = parts.at(-1);
    if (!part || (leader && isNamed(field, leader.name.toLowerCase()) && find(part, leader.name) !== null))
      parts.push([field]);
    else part.push(field);
  }
  return parts;
}

/** A group that names nobody is the rest of the one before, if that lacks what it brings. */
function placeGroup(groups: ReportField[][], group: ReportField[]): void {
  const before = groups.at(-1);
  const namesSomebody = find(group, "final-recipient") !== null || find(group, "original-recipient") !== null;
  if (before && !namesSomebody && group.every((field) => find(before, field.name) === null)) before.push(...group);
  else groups.push(group);
}

function readRecipient(fields: readonly ReportField[]): ReportedRecipient {
  const action = readAction(find(fields, "action"));
  const status = readStatus(find(fields, "status"));
  return {
    finalRecipient: address(find(fields, "final-recipient")),
    originalRecipient: address(find(fields, "original-recipient")),
    action,
    status,
    remoteMta: typed(find(fields, "remote-mta")),
    diagnosticCode: typed(find(fields, "diagnostic-code")),
    lastAttempt: find(fields, "last-attempt-date"),
    willRetryUntil: find(fields, "will-retry-until"),
    otherFields: fields.filter(
      (field) =>
        !isRecipientField(field) ||
        isNamed(field, "final-log-id") ||
        isNamed(field, "x-actual-recipient") ||
        (isNamed(field, "action") && action === null) ||
        (isNamed(field, "status") && status === null),
    ),
  };
}

/** RFC 3464 §2.3.3; some write `fail` or `failed (with reasons)`. */
function readAction(value: string | null): ReportAction | null {
  const word = /^[a-z]+/i.exec(value ?? "")?.[0].toLowerCase();
  switch (word) {
    case undefined:
      return null;
    case "failed":
    case "fail":
    case "failure":
      return "failed";
    case "delayed":
    case "delay":
      return "delayed";
    case "delivered":
    case "relayed":
    case "expanded":
      return word;
    default:
      return null;
  }
}

/** RFC 3464 §2.3.4; a comment behind it is no part of it. */
function readStatus(value: string | null): string | null {
  return /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)/.exec(value ?? "")?.[0] ?? null;
}

function find(fields: readonly ReportField[], name: string): string | null {
  return fields.find((field) => isNamed(field, name.toLowerCase()))?.value ?? null;
}

function isNamed(field: ReportField, name: string): boolean {
  return field.name.toLowerCase() === name;
}

function mapped<Value>(value: string | null, change: (value: string) => Value): Value | null {
  return value === null ? null : change(value);
}

/** `type; text` (RFC 3464 §2.1.2). */
function typed(value: string | null): TypedText | null {
  if (value === null || value === "") return null;
  const [, type, text] = /^([\w-]{1,40})[ \t]*;([^]*)$/.exec(value) ?? [];
  if (type === undefined || text === undefined) return { type: "", text: value };
  return { type: type.toLowerCase(), text: text.trim() };
}

/** Without brackets and trailing comment; RFC 6533 §3 writes what is no ASCII as `\x{…}`. */
function address(value: string | null): TypedText | null {
  const read = typed(mapped(value, (written) => written.replaceAll("\n", " ")));
  if (!read) return null;
  const text = /<([^<>]*)>/.exec(read.text)?.[1] ?? read.text.replace(/\s+\([^()]*\)$/, "");
  const points =
    read.type === "utf-8" ? text.replace(/\\x\{([0-9a-f]{1,6})\}/gi, (_, hex: string) => codePoint(hex)) : text;
  // A source route (RFC 5321 §F.2) names hosts on the way, not the mailbox.
  return { type: read.type, text: points.trim().replace(/^@[^:]{1,500}:/, "") };
}

function codePoint(hex: string): string {
  const point = Number.parseInt(hex, 16);
  return point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? "\u{fffd}" : String.fromCodePoint(point);
}
