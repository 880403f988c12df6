/** Takes the attachments out of a reply, as bytes that nobody opens: bounded in number and size, named without anything that could deceive. Pure. */
import { readHeaderText } from "@roundtrip/mail/header-read";
import { isEnclosedMessage, type MimePart, partBytes } from "@roundtrip/mail/mime/read-mime";

export interface Attachment {
  readonly name: string;
  /** As the mail calls it: shown, never believed. */
  readonly saidType: string;
  readonly bytes: Uint8Array;
}

const mostAttachments = 20;
const mostBytes = 8 * 1024 * 1024;
const longestName = 120;

/** Of the mail's own parts; what is beyond the limits is left out, and stays in the raw mail. */
export function readAttachments(parts: readonly MimePart[]): readonly Attachment[] {
  const found: Attachment[] = [];
  let room = mostBytes;
  for (const part of parts) {
    if (!isAttachment(part)) continue;
    const bytes = partBytes(part);
    if (bytes.length > room) continue;
    room -= bytes.length;
    found.push({ name: readName(part), saidType: part.contentType.type.slice(0, 100), bytes: Uint8Array.from(bytes) });
    if (found.length === mostAttachments) break;
  }
  return found;
}

function isAttachment(part: MimePart): boolean {
  const { type } = part.contentType;
  if (type.startsWith("multipart/") || /^(?:application|text)\/(?:pgp-|pkcs7-|x-pkcs7-).{0,10}signature$/.test(type))
    return false;
  if (isEnclosedMessage(part)) return true;
  const disposition = part.headers.first("Content-Disposition") ?? "";
  return /^\s*attachment/i.test(disposition) || !/^text\/(?:plain|html|enriched)$/.test(type);
}

/** No path, no control or direction-turning character, no leading dot. */
function readName(part: MimePart): string {
  const disposition = part.headers.first("Content-Disposition") ?? "";
  const given = /filename\s{0,5}=\s{0,5}(?:"([^"]{1,300})"|([^;\s]{1,300}))/i.exec(disposition);
  const said = given?.[1] ?? given?.[2] ?? part.contentType.parameters.get("name") ?? "";
  const name = readHeaderText(said)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}"<>|*?]/gu, "")
    .replace(/^.*[\\/]/s, "")
    .replace(/^[.\s]+/, "")
    .trim();
  return name.length <= longestName ? name || "attachment" : `${name.slice(0, 80)}…${name.slice(-30)}`;
}
