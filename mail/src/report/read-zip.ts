/**
 * Finds the members of a zip archive that lies in memory, by its directory or, where that is missing, by the header of its
 * first member. Names are words to judge, never paths; sizes are what the archive claims, and nobody's limit. Never throws.
 * No zip64 and no encryption: no report needs them.
 */

export interface ZipMember {
  readonly name: string;
  readonly isDeflated: boolean;
  readonly isEncrypted: boolean;
  /** Still packed. A view, not a copy. */
  readonly packed: Buffer;
  readonly crc: number;
  readonly claimedBytes: number;
}

export interface ZipDirectory {
  /** At most `mostMembers`. */
  readonly members: readonly ZipMember[];
  readonly count: number;
  /** The directory is missing or leads astray; the members are what could be found. */
  readonly isDamaged: boolean;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 65_535;
const DEFLATE = 8;
const STORE = 0;

export function isZip(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32LE(0) === LOCAL;
}

export function readZip(bytes: Buffer, mostMembers: number): ZipDirectory {
  const end = findEnd(bytes);
  if (end === -1) return firstMemberOnly(bytes);
  const count = bytes.readUInt16LE(end + 10);
  const members: ZipMember[] = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let index = 0; index < Math.min(count, mostMembers); index += 1) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== CENTRAL) return { members, count, isDamaged: true };
    const member = readMember(bytes, at);
    if (!member) return { members, count, isDamaged: true };
    members.push(member);
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return { members, count, isDamaged: false };
}

function findEnd(bytes: Buffer): number {
  const lowest = Math.max(0, bytes.length - END_BYTES - LONGEST_COMMENT);
  for (let at = bytes.length - END_BYTES; at >= lowest; at -= 1) if (bytes.readUInt32LE(at) === END) return at;
  return -1;
}

function readMember(bytes: Buffer, at: number): ZipMember | null {
  const local = bytes.readUInt32LE(at + 42);
  const method = bytes.readUInt16LE(at + 10);
  const packedBytes = bytes.readUInt32LE(at + 20);
  const start = findContent(bytes, local);
  if (start === null || start + packedBytes > bytes.length || (method !== DEFLATE && method !== STORE)) return null;
  const nameStart = at + 46;
  return {
    name: bytes.toString("utf8", nameStart, nameStart + bytes.readUInt16LE(at + 28)),
    isDeflated: method === DEFLATE,
    isEncrypted: (bytes.readUInt16LE(at + 8) & 1) === 1,
    packed: bytes.subarray(start, start + packedBytes),
    crc: bytes.readUInt32LE(at + 16),
    claimedBytes: bytes.readUInt32LE(at + 24),
  };
}

function findContent(bytes: Buffer, local: number): number | null {
  if (local + 30 > bytes.length || bytes.readUInt32LE(local) !== LOCAL) return null;
  const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  return start <= bytes.length ? start : null;
}

/** An archive that was cut off has lost its directory, which stands at the end. */
function firstMemberOnly(bytes: Buffer): ZipDirectory {
  const start = findContent(bytes, 0);
  if (start === null) return { members: [], count: 0, isDamaged: true };
  const nameBytes = bytes.readUInt16LE(26);
  const member: ZipMember = {
    name: bytes.toString("utf8", 30, 30 + nameBytes),
    isDeflated: bytes.readUInt16LE(8) === DEFLATE,
    isEncrypted: (bytes.readUInt16LE(6) & 1) === 1,
    packed: bytes.subarray(start),
    crc: bytes.readUInt32LE(14),
    claimedBytes: bytes.readUInt32LE(22),
  };
  return { members: [member], count: 1, isDamaged: true };
}
