/** How a session opens with every kind of server, said by hand: no socket, no TLS, only what would be written. */
import { describe, expect, test } from "vitest";
import { ReplyReader } from "./reply.ts";
import { beginSession, breakSession, nextSession, type SessionState, type SessionWish } from "./session.ts";

const wish: SessionWish = { ehloName: "roundtrip.example.com", tls: "opportunistic", auth: null };
const auth = { user: "relay", password: "pass phrase" };
const PLAIN = "AHJlbGF5AHBhc3MgcGhyYXNl";

/** Plays the server's lines one after another; `TLS` stands for a handshake that went well. */
function play(wished: Partial<SessionWish>, ...said: readonly string[]) {
  const whole = { ...wish, ...wished };
  const written: string[] = [];
  let { state, write } = beginSession(whole);
  for (const text of said) {
    const event = text === "TLS" ? { kind: "secured" as const } : hear(text);
    ({ state, write } = nextSession(whole, state, event));
    written.push(write);
  }
  return { written, state };
}

function hear(text: string) {
  const reader = new ReplyReader();
  const [reply, ...more] = reader.read(Buffer.from(`${text.replaceAll("\n", "\r\n")}\r\n`)).replies;
  return { kind: "reply" as const, reply: reply!, hasMoreBehind: more.length > 0 || reader.isMidReply };
}

function endOf(state: SessionState) {
  if (state.kind !== "ended") throw new Error(`The session is ${state.kind}.`);
  const { kind, word } = state.end;
  return { kind, step: word.step, code: word.code, temporary: word.temporary };
}

const EHLO = "EHLO roundtrip.example.com\r\n";

describe("in clear", () => {
  test("EHLO, and what the server offers is known", () => {
    const { written, state } = play({}, "220-mx\n220 ready", "250-mx\n250-SIZE 1000\n250 PIPELINING");
    expect(written).toEqual([EHLO, ""]);
    expect(state).toMatchObject({ kind: "ready", capabilities: { pipelining: true, size: 1000 } });
  });

  test("HELO where EHLO is not known, and then nothing is offered", () => {
    const { written, state } = play({}, "220 old", "502 what?", "250 hello");
    expect(written).toEqual([EHLO, "HELO roundtrip.example.com\r\n", ""]);
    expect(state).toMatchObject({ kind: "ready", capabilities: { pipelining: false, size: null } });
  });

  test("STARTTLS is left alone when TLS is never wanted", () => {
    expect(play({ tls: "never" }, "220 mx", "250-mx\n250 STARTTLS").state.kind).toBe("ready");
  });
});

describe("with TLS", () => {
  test("STARTTLS, then EHLO again, and only the second offer counts", () => {
    const said = ["220 mx", "250-mx\n250-STARTTLS\n250 PIPELINING", "220 go", "TLS", "250-mx\n250 DSN"];
    const { written, state } = play({}, ...said);
    expect(written).toEqual([EHLO, "STARTTLS\r\n", "", EHLO, ""]);
    expect(state).toMatchObject({ kind: "ready", capabilities: { startTls: false, pipelining: false, dsn: true } });
  });

  test("from the first byte: no STARTTLS, even if it is offered", () => {
    const { written, state } = play({ tls: "implicit" }, "220 mx", "250-mx\n250 STARTTLS");
    expect(written).toEqual([EHLO, ""]);
    expect(state.kind).toBe("ready");
  });

  test("required but not offered is a failure at starttls, and nothing more is said", () => {
    const { written, state } = play({ tls: "required" }, "220 mx", "250 mx");
    expect(written).toEqual([EHLO, ""]);
    expect(endOf(state)).toEqual({ kind: "failed", step: "starttls", code: null, temporary: true });
  });

  test("required from a server that only knows HELO is its refusal of EHLO", () => {
    expect(endOf(play({ tls: "required" }, "220 old", "502 what?").state)).toMatchObject({
      kind: "refused",
      step: "ehlo",
    });
  });

  test.each(["454 4.7.0 not now", "501 no"])("an answer of “%s” to STARTTLS is reported, not passed over", (answer) => {
    const { state } = play({}, "220 mx", "250-mx\n250 STARTTLS", answer);
    expect(endOf(state)).toMatchObject({ kind: "refused", step: "starttls", code: Number(answer.slice(0, 3)) });
  });

  test("anything behind the 220 to STARTTLS ends the session", () => {
    const { state } = play({}, "220 mx", "250-mx\n250 STARTTLS", "220 go\n250 injected");
    expect(endOf(state)).toEqual({ kind: "failed", step: "starttls", code: null, temporary: true });
  });
});

describe("with a password", () => {
  const toTls = ["220 mx", "250-mx\n250-STARTTLS\n250 AUTH PLAIN LOGIN", "220 go", "TLS"];

  test("PLAIN in one line, once TLS stands", () => {
    const { written, state } = play({ auth }, ...toTls, "250-mx\n250 AUTH LOGIN PLAIN", "235 welcome");
    expect(written.slice(4)).toEqual([`AUTH PLAIN ${PLAIN}\r\n`, ""]);
    expect(state).toMatchObject({ kind: "ready", capabilities: { auth: ["LOGIN", "PLAIN"] } });
  });

  test("LOGIN step by step, where PLAIN is not offered", () => {
    const said = ["250-mx\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 welcome"];
    const { written, state } = play({ auth }, ...toTls, ...said);
    expect(written.slice(4)).toEqual(["AUTH LOGIN\r\n", "cmVsYXk=\r\n", "cGFzcyBwaHJhc2U=\r\n", ""]);
    expect(state.kind).toBe("ready");
  });

  test("none is sent in clear, though the server would take it", () => {
    const { written, state } = play({ auth }, "220 mx", "250-mx\n250 AUTH PLAIN LOGIN");
    expect(written).toEqual([EHLO, ""]);
    expect(endOf(state)).toMatchObject({ kind: "failed", step: "starttls" });
  });

  test.each([
    ["535 5.7.8 no", { kind: "refused", code: 535, temporary: false }],
    ["454 4.7.0 later", { kind: "refused", code: 454, temporary: true }],
    ["334 more?", { kind: "failed", code: null, temporary: true }],
  ])("an answer of “%s” to it ends the session", (answer, end) => {
    const { state } = play({ auth }, ...toTls, "250-mx\n250 AUTH PLAIN", answer);
    expect(endOf(state)).toEqual({ step: "auth", ...end });
  });

  test("a server without PLAIN and LOGIN is told apart", () => {
    const { state } = play({ auth }, ...toTls, "250-mx\n250 AUTH GSSAPI");
    expect(endOf(state)).toMatchObject({ kind: "failed", step: "auth" });
  });
});

describe("ends", () => {
  test.each(["554 5.7.1 go away", "421 too many"])("with the server's word when it greets with “%s”", (greeting) => {
    const { written, state } = play({}, greeting);
    expect(written).toEqual([""]);
    expect(endOf(state)).toMatchObject({ kind: "refused", step: "greeting", code: Number(greeting.slice(0, 3)) });
  });

  test.each([
    ["a greeting that asks for more", ["354 go on"]],
    ["two greetings at once", ["220 a\n220 b"]],
  ])("as failed after %s", (_, said) => {
    expect(endOf(play({}, ...said).state)).toMatchObject({ kind: "failed", step: "greeting" });
  });

  test("at the step where the connection was lost", () => {
    const { state } = play({}, "220 mx", "250-mx\n250 STARTTLS", "220 go");
    expect(state.kind).toBe("handshake");
    expect(breakSession(state, "lost")).toMatchObject({ kind: "failed", word: { step: "starttls", text: "lost" } });
  });
});

test.each([
  ["a password where TLS is never used", { tls: "never", auth }],
  ["a NUL in a password", { auth: { user: "a", password: "b\0c" } }],
  ["a line break in the EHLO name", { ehloName: "a\r\nMAIL FROM:<>" }],
  ["an empty EHLO name", { ehloName: "" }],
] as const)("%s is our bug, and throws", (_, wished) => {
  expect(() => beginSession({ ...wish, ...wished })).toThrow();
});
