/** Transfer encodings are undone, damaged ones as far as they can be. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { writeQuotedPrintable } from "../encode/quoted-printable.ts";
import { decodeBase64, decodeQuotedPrintable, decodeTransfer } from "./transfer-encoding.ts";

const qp = (text: string): string => decodeQuotedPrintable(Buffer.from(text, "latin1")).toString("utf8");

test("quoted-printable: codes in either case, soft line breaks with blanks before the end, all else as it is", () => {
  expect(qp("gr=C3=BC=c3=9fe")).toBe("grüße");
  expect(qp("long =\r\nline =  \nends")).toBe("long line ends");
  expect(qp("1=2 a=ZZ =")).toBe("1=2 a=ZZ ");
});

test("base64: line ends, foreign characters and padding in the middle do not matter", () => {
  expect(decodeBase64("aGVs\r\nbG8=!").toString()).toBe("hello");
  expect(decodeBase64("aGk=aGk=").toString()).toBe("hihi");
});

test("an unknown encoding leaves the bytes alone", () => {
  expect(decodeTransfer(Buffer.from("=41"), "x-uuencode").toString()).toBe("=41");
  expect(decodeTransfer(Buffer.from("=41"), " Quoted-Printable ").toString()).toBe("A");
});

test("what our writer encodes, this reads back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const plain = text.replaceAll(/\r\n?|\n/g, "\r\n");
      expect(qp(writeQuotedPrintable(text))).toBe(plain);
    }),
  );
});

test("any bytes survive base64 and never grow by decoding", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (array) => {
      expect(decodeBase64(Buffer.from(array).toString("base64")).equals(Buffer.from(array))).toBe(true);
      expect(decodeQuotedPrintable(Buffer.from(array)).length).toBeLessThanOrEqual(array.length);
    }),
  );
});
