/**
 * Finds out in one pass how the bytes of a text file are encoded: UTF-8, UTF-16 with a byte order mark, and otherwise
 * Windows-1252, which is what spreadsheets of Western offices write. Refuses what is no text. Keeps the beginning of the
 * file and nothing else, so a large file costs no memory.
 */
import { failed, ok, type Result } from "@roundtrip/mail/result";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

export interface Encoded {
  readonly encoding: Encoding;
  /** The first characters of the file, decoded, without byte order mark. */
  readonly beginning: string;
}

export type EncodingProblem = "empty" | "too-large" | "spreadsheet" | "binary";

export const FILE_MAX_BYTES = 200_000_000;
const BEGINNING_BYTES = 256 * 1024;

const ENCODINGS_WITH_MARK: readonly [Encoding, readonly number[]][] = [
  ["utf-8", [0xef, 0xbb, 0xbf]],
  ["utf-16le", [0xff, 0xfe]],
  ["utf-16be", [0xfe, 0xff]],
];
/** How the files begin that are taken for CSV by mistake: ZIP (.xlsx, .ods), the old Office format. */
const SPREADSHEETS = [
  [0x50, 0x4b, 0x03, 0x04],
  [0xd0, 0xcf, 0x11, 0xe0],
] as const;

export async function readEncoding(bytes: AsyncIterable<Uint8Array>): Promise<Result<Encoded, EncodingProblem>> {
  const kept: Uint8Array[] = [];
  let sizeBytes = 0;
  let scan: TextScan | undefined;
  for await (const chunk of bytes) {
    const isBeginning = sizeBytes < BEGINNING_BYTES;
    sizeBytes += chunk.length;
    if (sizeBytes > FILE_MAX_BYTES) return failed("too-large");
    if (isBeginning) kept.push(chunk);
    else (scan ??= scanBeginning(Buffer.concat(kept))).add(chunk);
  }
  const start = Buffer.concat(kept);
  if (SPREADSHEETS.some((magic) => hasPrefix(start, magic))) return failed("spreadsheet");
  const encoding = (scan ?? scanBeginning(start)).finish();
  if (encoding === undefined) return failed("binary");
  const beginning = new TextDecoder(encoding).decode(start.subarray(0, BEGINNING_BYTES), { stream: true });
  if (beginning.trim() === "") return failed("empty");
  return isMostlyControls(beginning) ? failed("binary") : ok({ encoding, beginning });
}

/** Takes the bytes chunk by chunk; `finish` says the encoding, or undefined when this is no text. */
interface TextScan {
  add(chunk: Uint8Array): void;
  finish(): Encoding | undefined;
}

function scanBeginning(start: Uint8Array): TextScan {
  const scan = scanText(ENCODINGS_WITH_MARK.find(([, mark]) => hasPrefix(start, mark))?.[0]);
  scan.add(start);
  return scan;
}

function hasPrefix(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}

function scanText(marked: Encoding | undefined): TextScan {
  const decoder = new TextDecoder(marked ?? "utf-8", { fatal: true });
  let valid = true;
  let hasNul = false;
  const decode = (chunk?: Uint8Array) => {
    if (!valid) return;
    try {
      hasNul ||= (chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode()).includes("\0");
    } catch {
      // Not in this encoding: from here on only NUL bytes are of interest.
      valid = false;
    }
  };
  return {
    add: (chunk: Uint8Array) => {
      decode(chunk);
      if (!valid) hasNul ||= chunk.includes(0);
    },
    finish: (): Encoding | undefined => {
      decode();
      if (hasNul) return undefined;
      if (valid) return marked ?? "utf-8";
      return marked ? undefined : "windows-1252";
    },
  };
}

/** Text has line ends and tabs, and hardly any other control character. */
function isMostlyControls(text: string): boolean {
  return (text.match(/[\u0001-\u0008\u000b\u000c\u000e-\u001f]/g)?.length ?? 0) > text.length / 50;
}
