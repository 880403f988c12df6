/** Decodes xtext (RFC 3461 §4): `+3D` for `=`. What is no such code stays as written. */
export function readXtext(text: string): string {
  if (!/\+[0-9A-F]{2}/i.test(text)) return text;
  const bytes = text.replace(/\+([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
