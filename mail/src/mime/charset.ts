/**
 * Turns bytes of a named charset into text. Knows what TextDecoder knows (WHATWG Encoding), UTF-7, and the wrong names
 * that mails carry. Unknown or untrue names end in UTF-8 where the bytes are that, else Windows-1252. Never throws.
 */
import { isAscii, isUtf8 } from "node:buffer";
import { decodeUtf7 } from "./utf7.ts";

/** Names that stand in mails for something else. */
const ALIASES: Readonly<Record<string, string>> = {
  "iso-2022-jp-1": "iso-2022-jp",
  "iso-2022-jp-2": "iso-2022-jp",
  "iso-2022-jp-ms": "iso-2022-jp",
  cp50220: "iso-2022-jp",
  cp50221: "iso-2022-jp",
  cp932: "shift_jis",
  ms932: "shift_jis",
  cp936: "gbk",
  cp949: "euc-kr",
  cp1250: "windows-1250",
  cp1251: "windows-1251",
  cp1252: "windows-1252",
  "ansi_x3.110-1983": "windows-1252",
};

const decoders = new Map<string, TextDecoder | null>();

export function decodeCharset(bytes: Buffer, charset: string): string {
  const name = charset.trim().toLowerCase();
  if (/^(?:unicode-1-1-|x-unicode-2-0-)?utf-?7$/.test(name)) return decodeUtf7(bytes.toString("latin1"));
  // iso-2022 writes in ASCII bytes what is not ASCII.
  const isStateful = name.startsWith("iso-2022") || name.startsWith("cp5022");
  if (!isStateful && !name.startsWith("utf-16") && isAscii(bytes)) return bytes.toString("latin1");
  const isVague = name === "" || name === "us-ascii" || name === "ascii" || name === "unknown-8bit";
  const decoder = isVague ? null : findDecoder(name);
  if (decoder) return decoder.decode(bytes);
  return isUtf8(bytes) ? bytes.toString("utf8") : (findDecoder("windows-1252")?.decode(bytes) ?? "");
}

function findDecoder(name: string): TextDecoder | null {
  const known = decoders.get(name);
  if (known !== undefined) return known;
  let decoder: TextDecoder | null;
  try {
    decoder = new TextDecoder(ALIASES[name] ?? name);
  } catch {
    // A name that nobody knows is no error: the bytes decide.
    decoder = null;
  }
  // The names come from strangers: only so many are remembered.
  if (decoders.size < 200) decoders.set(name, decoder);
  return decoder;
}
