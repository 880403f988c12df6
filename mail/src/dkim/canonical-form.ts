/**
 * The relaxed forms of header fields and body that DKIM hashes (RFC 6376 §3.4.2, §3.4.4). Blanks are SP and TAB, line
 * ends are CRLF; a CR or LF on its own is an ordinary byte here, and checkWire's business.
 */
import type { HeaderField } from "../header.ts";

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 0x20;

/** `name:value`, without the CRLF at the end. */
export function relaxHeader(field: HeaderField): string {
  return `${field.name.toLowerCase()}:${relaxValue(field.value)}`;
}

/** The body itself where it already has this form, as bodies of our own composer do; otherwise a changed copy. */
export function relaxBody(body: Buffer): Buffer {
  return isRelaxed(body) ? body : writeRelaxed(body);
}

function relaxValue(value: string): string {
  if (!/[\r\t]| {2}|^ | $/.test(value)) return value;
  return value
    .replaceAll("\r\n", "")
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/^ | $/g, "");
}

function isRelaxed(body: Buffer): boolean {
  if (!endsInOneLineBreak(body)) return body.length === 0;
  // One plain pass over the bytes beats every search for two-byte patterns here, measured.
  const end = body.length - 1;
  for (let at = 0; at < end; at += 1) {
    const byte = body[at];
    if (byte === SPACE) {
      const next = body[at + 1];
      if (next === SPACE || next === CR) return false;
    } else if (byte === TAB) return false;
  }
  return true;
}

function endsInOneLineBreak(body: Buffer): boolean {
  const end = body.length;
  if (end < 3 || body[end - 2] !== CR || body[end - 1] !== LF) return false;
  return body[end - 4] !== CR || body[end - 3] !== LF;
}

/** Line breaks and blanks are held back until a byte follows that makes them count. */
function writeRelaxed(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length + 2);
  let length = 0;
  let heldBreaks = 0;
  let heldBlank = false;
  const writeBreaks = (count: number) => {
    for (let written = 0; written < count; written += 1) {
      out[length] = CR;
      out[length + 1] = LF;
      length += 2;
    }
  };
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at] ?? 0;
    if (byte === SPACE || byte === TAB) heldBlank = true;
    else if (byte === CR && body[at + 1] === LF) {
      heldBreaks += 1;
      heldBlank = false;
      at += 1;
    } else {
      writeBreaks(heldBreaks);
      if (heldBlank) out[length++] = SPACE;
      out[length++] = byte;
      heldBreaks = 0;
      heldBlank = false;
    }
  }
  if (length > 0) writeBreaks(1);
  return out.subarray(0, length);
}
