/**
 * Base32 (RFC 4648 §6) in lower case and without padding: what mail systems and people who copy by hand leave intact.
 * Upper case is read as lower case; every value has exactly one spelling.
 */
const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const VALUES: ReadonlyMap<string, number> = new Map(
  Array.from(ALPHABET + ALPHABET.toUpperCase(), (letter, index) => [letter, index % 32]),
);

export function writeBase32(bytes: Uint8Array): string {
  let out = "";
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    heldBits += 8;
    while (heldBits >= 5) {
      heldBits -= 5;
      out += ALPHABET.charAt((held >> heldBits) & 31);
    }
    held &= (1 << heldBits) - 1;
  }
  return heldBits > 0 ? out + ALPHABET.charAt((held << (5 - heldBits)) & 31) : out;
}

/** Undefined for anything that `writeBase32` would not have written, letter case aside. */
export function readBase32(text: string): Buffer | undefined {
  const bytes: number[] = [];
  let held = 0;
  let heldBits = 0;
  for (const letter of text) {
    const value = VALUES.get(letter);
    if (value === undefined) return undefined;
    held = (held << 5) | value;
    heldBits += 5;
    if (heldBits < 8) continue;
    heldBits -= 8;
    bytes.push((held >> heldBits) & 255);
    held &= (1 << heldBits) - 1;
  }
  // Left-over bits are zero and fewer than a letter holds, else one value would have several spellings.
  return heldBits < 5 && held === 0 ? Buffer.from(bytes) : undefined;
}
