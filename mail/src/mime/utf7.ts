/** Decodes UTF-7 (RFC 2152), which old Exchange servers write notices in and TextDecoder does not know. Never throws. */

const SHIFTED = /\+([A-Za-z0-9+/]*)-?/g;

/** A run that is no whole number of UTF-16 units loses its rest; lone surrogates become U+FFFD. */
export function decodeUtf7(text: string): string {
  return text.replace(SHIFTED, (_, run: string) => (run === "" ? "+" : decodeRun(run))).toWellFormed();
}

function decodeRun(run: string): string {
  const bytes = Buffer.from(run, "base64");
  return bytes
    .subarray(0, bytes.length - (bytes.length % 2))
    .swap16()
    .toString("utf16le");
}
