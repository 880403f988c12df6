/** What a server is taken to offer, from the lines that real servers write. */
import { expect, test } from "vitest";
import { NO_CAPABILITIES, readCapabilities } from "./capabilities.ts";

function offer(...lines: readonly string[]) {
  return readCapabilities({ code: 250, enhanced: null, lines: ["mx.example.com", ...lines], text: "" });
}

test("everything we know, in any case and with blanks around", () => {
  const lines = ["Pipelining", " SIZE 10240000 ", "8bitmime", "SMTPUTF8", "STARTTLS", "AUTH plain LOGIN", "DSN"];
  expect(offer(...lines, "ENHANCEDSTATUSCODES", "CHUNKING", "VRFY", "X-WHATEVER 1 2")).toEqual({
    pipelining: true,
    size: 10_240_000,
    eightBitMime: true,
    smtpUtf8: true,
    startTls: true,
    auth: ["PLAIN", "LOGIN"],
    dsn: true,
    enhancedStatusCodes: true,
    chunking: true,
  });
});

test("nothing, where only the name stands; the name itself is never an offer", () => {
  expect(offer()).toEqual(NO_CAPABILITIES);
  expect(readCapabilities({ code: 250, enhanced: null, lines: ["PIPELINING"], text: "" })).toEqual(NO_CAPABILITIES);
});

test.each([
  ["SIZE", Infinity],
  ["SIZE 0", Infinity],
  ["SIZE 35882577", 35_882_577],
  ["SIZE 1e9", Infinity],
  ["SIZE -5", Infinity],
])("%s is a limit of %d", (line, size) => {
  expect(offer(line).size).toBe(size);
});

test("the old way of AUTH adds to the new one", () => {
  expect(offer("AUTH PLAIN", "AUTH=PLAIN LOGIN").auth).toEqual(["PLAIN", "LOGIN"]);
});
