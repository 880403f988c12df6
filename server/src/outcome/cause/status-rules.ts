/**
 * What the numbers alone say, where no words decided: enhanced codes (RFC 3463 §3, the IANA registry that RFC 5248 set
 * up, RFC 7505 §4.2, RFC 7372 §3) and reply codes (RFC 5321 §4.2.3). Only what a number says for certain stands here.
 */
import type { CodeRule } from "./cause-rule.ts";

/** `x` stands for either class; an entry with its class goes before one without. */
export const statusRules: readonly CodeRule[] = [
  { id: "status.x.1.1", code: "x.1.1", cause: "recipient-unknown", source: "RFC 3463 §3.2" },
  { id: "status.x.1.2", code: "x.1.2", cause: "domain-invalid", source: "RFC 3463 §3.2" },
  { id: "status.x.1.3", code: "x.1.3", cause: "recipient-unknown", source: "RFC 3463 §3.2" },
  { id: "status.x.1.6", code: "x.1.6", cause: "recipient-unknown", source: "RFC 3463 §3.2" },
  { id: "status.x.1.7", code: "x.1.7", cause: "policy-rejected", fault: "us", source: "RFC 3463 §3.2" },
  { id: "status.x.1.8", code: "x.1.8", cause: "policy-rejected", fault: "us", source: "RFC 3463 §3.2" },
  { id: "status.x.1.10", code: "x.1.10", cause: "domain-invalid", source: "RFC 7505 §4.2" },
  { id: "status.x.2.1", code: "x.2.1", cause: "mailbox-disabled", source: "RFC 3463 §3.3" },
  { id: "status.x.2.2", code: "x.2.2", cause: "mailbox-full", source: "RFC 3463 §3.3" },
  { id: "status.x.2.3", code: "x.2.3", cause: "message-too-large", source: "RFC 3463 §3.3" },
  { id: "status.x.3.1", code: "x.3.1", cause: "server-fault", source: "RFC 3463 §3.4" },
  { id: "status.x.3.2", code: "x.3.2", cause: "server-fault", source: "RFC 3463 §3.4" },
  { id: "status.x.3.4", code: "x.3.4", cause: "message-too-large", source: "RFC 3463 §3.4" },
  { id: "status.x.3.5", code: "x.3.5", cause: "server-fault", source: "RFC 3463 §3.4" },
  { id: "status.x.4.1", code: "x.4.1", cause: "network-or-timeout", source: "RFC 3463 §3.5" },
  { id: "status.x.4.2", code: "x.4.2", cause: "network-or-timeout", source: "RFC 3463 §3.5" },
  { id: "status.x.4.3", code: "x.4.3", cause: "network-or-timeout", source: "RFC 3463 §3.5" },
  { id: "status.5.4.4", code: "5.4.4", cause: "domain-invalid", source: "RFC 3463 §3.5" },
  { id: "status.4.4.4", code: "4.4.4", cause: "network-or-timeout", source: "RFC 3463 §3.5" },
  { id: "status.x.4.5", code: "x.4.5", cause: "server-fault", source: "RFC 3463 §3.5" },
  { id: "status.x.4.6", code: "x.4.6", cause: "server-fault", source: "RFC 3463 §3.5" },
  { id: "status.x.4.7", code: "x.4.7", cause: "network-or-timeout", source: "RFC 3463 §3.5" },
  { id: "status.x.6.0", code: "x.6.0", cause: "content-rejected", source: "RFC 3463 §3.7" },
  // RFC 3463 §3.8: `security or policy status` is all that these say, and it is never the address.
  ...["0", "1", "3", "4", "5", "6", "7", "8", "9"].map((detail): CodeRule => ({
    id: `status.x.7.${detail}`,
    code: `x.7.${detail}`,
    cause: "policy-rejected",
    source: "RFC 3463 §3.8",
  })),
  { id: "status.x.7.2", code: "x.7.2", cause: "policy-rejected", source: "RFC 3463 §3.8" },
  { id: "status.x.7.10", code: "x.7.10", cause: "tls-failed", source: "RFC 5248 registry" },
  { id: "status.x.7.17", code: "x.7.17", cause: "recipient-unknown", source: "RFC 7293 §5" },
  { id: "status.x.7.20", code: "x.7.20", cause: "authentication-failed", source: "RFC 7372 §3.1" },
  { id: "status.x.7.21", code: "x.7.21", cause: "authentication-failed", source: "RFC 7372 §3.1" },
  { id: "status.x.7.22", code: "x.7.22", cause: "authentication-failed", source: "RFC 7372 §3.1" },
  { id: "status.x.7.23", code: "x.7.23", cause: "authentication-failed", source: "RFC 7372 §3.2" },
  { id: "status.x.7.24", code: "x.7.24", cause: "authentication-failed", source: "RFC 7372 §3.2" },
  { id: "status.x.7.25", code: "x.7.25", cause: "reputation-blocked", source: "RFC 7372 §3.3" },
  { id: "status.x.7.26", code: "x.7.26", cause: "authentication-failed", source: "RFC 7372 §3.4" },
  { id: "status.x.7.27", code: "x.7.27", cause: "policy-rejected", fault: "us", source: "RFC 7505 §4.1" },
];

/** Tried when there is no enhanced code, or one that says nothing. */
export const replyRules: readonly CodeRule[] = [
  { id: "reply.500", code: "500", cause: "server-fault", source: "RFC 5321 §4.2.3" },
  { id: "reply.502", code: "502", cause: "server-fault", source: "RFC 5321 §4.2.3" },
  { id: "reply.503", code: "503", cause: "server-fault", source: "RFC 5321 §4.2.3" },
  { id: "reply.504", code: "504", cause: "server-fault", source: "RFC 5321 §4.2.3" },
  { id: "reply.421", code: "421", cause: "server-fault", source: "RFC 5321 §4.2.3" },
  { id: "reply.451", code: "451", cause: "server-fault", source: "RFC 5321 §4.2.3" },
  { id: "reply.452", code: "452", cause: "server-fault", source: "RFC 5321 §4.2.3" },
  { id: "reply.454.starttls", code: "454", steps: ["starttls"], cause: "tls-failed", source: "RFC 3207 §4" },
  // Before anything was said but our name: it is our host that is not wanted.
  ...["550", "554"].map((code): CodeRule => ({
    id: `reply.${code}.opening`,
    code,
    steps: ["greeting", "ehlo"],
    cause: "reputation-blocked",
    source: "RFC 5321 §3.1",
  })),
  // An answer to MAIL speaks of our sender.
  ...["550", "553", "554"].map((code): CodeRule => ({
    id: `reply.${code}.mail`,
    code,
    steps: ["mail"],
    cause: "policy-rejected",
    fault: "us",
    source: "RFC 5321 §3.3",
  })),
  { id: "reply.550.rcpt", code: "550", steps: ["rcpt"], cause: "recipient-unknown", source: "RFC 5321 §4.2.3" },
  { id: "reply.551.rcpt", code: "551", steps: ["rcpt"], cause: "recipient-unknown", source: "RFC 5321 §3.4" },
  { id: "reply.552.rcpt", code: "552", steps: ["rcpt"], cause: "mailbox-full", source: "RFC 5321 §4.5.3.1.10" },
  { id: "reply.553.rcpt", code: "553", steps: ["rcpt"], cause: "recipient-unknown", source: "RFC 5321 §4.2.3" },
  { id: "reply.556.rcpt", code: "556", steps: ["rcpt"], cause: "domain-invalid", source: "RFC 7504 §5" },
];

/** What our own side noticed, where no server answered: the step tells which kind of trouble it was. */
export const stepRules: readonly (Omit<CodeRule, "code"> & { readonly steps: readonly string[] })[] = [
  { id: "step.starttls", steps: ["starttls"], cause: "tls-failed", source: "a handshake that came to nothing" },
  {
    id: "step.no-answer",
    steps: ["connect", "greeting", "ehlo", "mail", "rcpt", "data", "body", "quit"],
    cause: "network-or-timeout",
    source: "a connection that came to nothing",
  },
];
