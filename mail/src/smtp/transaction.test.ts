/** One mail with every kind of server, said by hand: what is written, what it comes to, what the connection is good for. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NO_CAPABILITIES } from "./capabilities.ts";
import type { Envelope } from "./envelope.ts";
import { ReplyReader } from "./reply.ts";
import {
  beginTransaction,
  breakTransaction,
  nextTransaction,
  planTransaction,
  sendBody,
  type TransactionState,
} from "./transaction.ts";

const envelope: Envelope = {
  from: "b@example.com",
  to: "a@example.com",
  sizeBytes: 9,
  isEightBit: false,
  smtpUtf8: false,
};
const MAIL = "MAIL FROM:<b@example.com>\r\n";
const RCPT = "RCPT TO:<a@example.com>\r\n";
const BODY = "<the mail and its dot>";

/** Plays the server's replies one after another, and sends the body whenever that is allowed. */
function play({ pipelining = false, reset = false }, ...said: readonly string[]) {
  const plan = planTransaction(envelope, { ...NO_CAPABILITIES, pipelining });
  if (!plan.ok) throw new Error(plan.error.text);
  const first = beginTransaction(plan.value, reset);
  const written = [first.write];
  let state: TransactionState = first.state;
  for (const text of said) {
    const move = nextTransaction(plan.value, state, replyOf(text));
    state = move.state;
    if (move.write) written.push(move.write);
    if (state.kind === "may-send") {
      state = sendBody(state);
      written.push(BODY);
    }
  }
  return { written, state };
}

function replyOf(text: string) {
  return new ReplyReader().read(Buffer.from(`${text}\r\n`)).replies[0]!;
}

function endOf(state: TransactionState) {
  if (state.kind !== "done") throw new Error(`The transaction is at ${state.kind}.`);
  const { kind, word } = state.end;
  return [kind, word.step, word.code, state.after];
}

describe("step by step", () => {
  test("each command waits for the answer to the one before, and the mail is accepted", () => {
    const { written, state } = play({}, "250 ok", "250 ok", "354 go", "250 2.0.0 queued");
    expect(written).toEqual([MAIL, RCPT, "DATA\r\n", BODY]);
    expect(endOf(state)).toEqual(["accepted", "body", 250, "usable"]);
  });

  test.each([
    ["MAIL", ["450 no"], [MAIL], ["refused", "mail", 450, "usable"]],
    ["RCPT", ["250 ok", "550 no"], [MAIL, RCPT], ["refused", "rcpt", 550, "reset"]],
    ["DATA", ["250 ok", "250 ok", "451 no"], [MAIL, RCPT, "DATA\r\n"], ["refused", "data", 451, "reset"]],
    [
      "the mail",
      ["250 ok", "250 ok", "354 go", "554 no"],
      [MAIL, RCPT, "DATA\r\n", BODY],
      ["refused", "body", 554, "usable"],
    ],
  ])("a no to %s ends it there", (_, said, written, end) => {
    const played = play({}, ...said);
    expect(played.written).toEqual(written);
    expect(endOf(played.state)).toEqual(end);
  });

  test("RSET comes first after a transaction that was left open", () => {
    expect(play({ reset: true }, "250 reset", "250 ok").written).toEqual(["RSET\r\n", MAIL, RCPT]);
    expect(endOf(play({ reset: true }, "500 what?").state)).toEqual(["failed", "mail", null, "spent"]);
  });
});

describe("pipelined", () => {
  const all = `${MAIL}${RCPT}DATA\r\n`;

  test("MAIL, RCPT and DATA in one write, then the mail", () => {
    const { written, state } = play({ pipelining: true }, "250 ok", "251 ok", "354 go", "250 queued");
    expect(written).toEqual([all, BODY]);
    expect(endOf(state)).toEqual(["accepted", "body", 250, "usable"]);
  });

  test.each([
    ["RCPT and DATA", ["250 ok", "550 no", "503 no recipients"], ["refused", "rcpt", 550, "reset"]],
    ["MAIL, RCPT and DATA", ["450 no", "503 no", "503 no"], ["refused", "mail", 450, "reset"]],
    ["DATA alone", ["250 ok", "250 ok", "451 no"], ["refused", "data", 451, "reset"]],
    ["MAIL, though RCPT and DATA would do", ["450 no", "250 ok", "354 go"], ["refused", "mail", 450, "spent"]],
  ])("a no to %s: nothing further is written", (_, said, end) => {
    const { written, state } = play({ pipelining: true }, ...said);
    expect(written).toEqual([all]);
    expect(endOf(state)).toEqual(end);
  });

  test.each(["250 took nothing", "554 no valid recipients"])(
    "a no to RCPT with 354 to DATA: a lone dot, no byte of the mail, and “%s” changes nothing",
    (answer) => {
      const { written, state } = play({ pipelining: true }, "250 ok", "550 no", "354 go", answer);
      expect(written).toEqual([all, ".\r\n"]);
      expect(endOf(state)).toEqual(["refused", "rcpt", 550, "usable"]);
    },
  );

  test("RSET goes in the same write after a transaction that was left open", () => {
    const { written, state } = play({ pipelining: true, reset: true }, "250 r", "250 m", "250 r", "354 go", "250 ok");
    expect(written).toEqual([`RSET\r\n${all}`, BODY]);
    expect(endOf(state)).toEqual(["accepted", "body", 250, "usable"]);
  });
});

describe("answers that do not fit", () => {
  test.each([
    ["354 to MAIL", ["354 go"], ["failed", "mail", null, "spent"]],
    ["354 to RCPT", ["250 ok", "354 go"], ["failed", "rcpt", null, "spent"]],
    ["250 to DATA", ["250 ok", "250 ok", "250 ok"], ["failed", "data", null, "spent"]],
    ["354 to the mail", ["250 ok", "250 ok", "354 go", "354 go"], ["unknown", "body", null, "spent"]],
  ])("%s", (_, said, end) => {
    expect(endOf(play({ pipelining: true }, ...said).state)).toEqual(end);
    expect(endOf(play({}, ...said).state)).toEqual(end);
  });

  test.each([
    ["354 go", ["failed", "data", null, "spent"]],
    ["250 taken already", ["failed", "data", null, "spent"]],
    ["451 too slow", ["refused", "data", 451, "spent"]],
  ])("“%s” after the 354, before the mail was sent", (text, end) => {
    const { state } = nextTransaction({ mail: "", rcpt: "", isPipelined: true }, { kind: "may-send" }, replyOf(text));
    expect(endOf(state)).toEqual(end);
  });
});

test.each([
  ["MAIL", [], "mail"],
  ["RCPT", ["250 ok"], "rcpt"],
  ["DATA", ["250 ok", "250 ok"], "data"],
  ["the mail", ["250 ok", "250 ok", "354 go"], "body"],
])("421 to %s is a temporary no, and the connection is spent", (_, said, step) => {
  for (const pipelining of [false, true]) {
    expect(endOf(play({ pipelining }, ...said, "421 closing").state)).toEqual(["refused", step, 421, "spent"]);
  }
});

test("a loss is `failed` up to the last byte, `unknown` after it, and never hides a no that was heard", () => {
  const endAfter = (...said: string[]) => endOf(breakTransaction(play({ pipelining: true }, ...said).state, "lost"));
  expect(endAfter()).toEqual(["failed", "mail", null, "spent"]);
  expect(endAfter("250 ok", "250 ok")).toEqual(["failed", "data", null, "spent"]);
  expect(endAfter("250 ok", "550 no")).toEqual(["refused", "rcpt", 550, "spent"]);
  expect(endAfter("250 ok", "250 ok", "354 go")).toEqual(["unknown", "body", null, "spent"]);
  expect(endOf(breakTransaction({ kind: "may-send" }, "lost"))).toEqual(["failed", "data", null, "spent"]);
  expect(endAfter("250 ok", "250 ok", "354 go", "250 ok")).toEqual(["accepted", "body", 250, "spent"]);
});

test("a mail the server cannot take is refused before a word is said", () => {
  const plan = planTransaction({ ...envelope, sizeBytes: 11 }, { ...NO_CAPABILITIES, size: 10 });
  expect(plan).toMatchObject({ ok: false, error: { enhanced: "5.3.4" } });
});

test("a body cannot be sent before the 354, nor twice", () => {
  expect(() => sendBody({ kind: "data", refusal: null, hasRecipient: true })).toThrow();
  expect(() => sendBody({ kind: "body" })).toThrow();
});

describe("for any server", () => {
  const replies = fc.array(fc.constantFrom("200", "250", "251", "354", "421", "450", "550", "554"), { maxLength: 8 });

  test("the mail goes out only when MAIL, RCPT and DATA were all granted, and once", () => {
    fc.assert(
      fc.property(replies, fc.boolean(), (said, pipelining) => {
        const { written } = play({ pipelining }, ...said);
        const [mail = "", rcpt = "", data = ""] = said;
        const isGranted = mail.startsWith("2") && rcpt.startsWith("2") && data === "354";
        expect(written.filter((text) => text === BODY)).toHaveLength(isGranted ? 1 : 0);
      }),
    );
  });

  test("it ends after four replies at most, as accepted only by a 2xx to the mail, as unknown only after the mail", () => {
    fc.assert(
      fc.property(replies, fc.boolean(), (said, pipelining) => {
        const { written, state } = play({ pipelining }, ...said);
        const end = breakTransaction(state, "lost").end.kind;
        expect(said.length < 4 || state.kind === "done").toBe(true);
        const isSent = written.includes(BODY);
        expect(isSent && said[3]?.startsWith("2") === true).toBe(end === "accepted");
        expect(isSent && (said[3] === undefined || said[3] === "354")).toBe(end === "unknown");
      }),
    );
  });
});
