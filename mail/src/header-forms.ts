/**
 * The two forms in which a header field leaves us: as it is written (RFC 5322 §2.2), and as DKIM hashes it (RFC 6376
 * §3.4.2). Fields that many messages share are kept with both forms, so that they are judged and written only once.
 */
import { relaxHeader } from "./dkim/canonical-form.ts";
import { isWritable, type HeaderField } from "./header.ts";

interface Forms {
  readonly written: string;
  readonly relaxed: string;
}

const kept = new WeakMap<HeaderField, Forms>();

/** For a field that goes into many messages; it must never change. Throws like `writeField`. Returns the field itself. */
export function keepField(field: HeaderField): HeaderField {
  kept.set(field, { written: write(field), relaxed: relax(field) });
  return field;
}

/** `Name: value` with its CRLF. Throws on a field that would break the header: writers never make one, so it is a bug of ours. */
export function writeField(field: HeaderField): string {
  return kept.get(field)?.written ?? write(field);
}

/** `name:value` in DKIM's relaxed form, with its CRLF. */
export function relaxField(field: HeaderField): string {
  return kept.get(field)?.relaxed ?? relax(field);
}

function write(field: HeaderField): string {
  if (!isWritable(field)) throw new Error(`The header field ${JSON.stringify(field.name)} cannot be written safely.`);
  return field.value === "" ? `${field.name}:\r\n` : `${field.name}: ${field.value}\r\n`;
}

function relax(field: HeaderField): string {
  return `${relaxHeader(field)}\r\n`;
}
