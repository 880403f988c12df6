/**
 * Unpacks what reports come in: gzip, zip, and either in the other, twice at most. Streams: no layer is ever held whole
 * but a zip as it came. Every byte that comes out is counted before it is passed on, whatever an archive says of itself.
 */
import { PassThrough, Readable, type Transform } from "node:stream";
import { constants, crc32, createGunzip, createInflateRaw } from "node:zlib";
import { type ReportLimits, ReportLimitReached, type ReportProblem } from "./report.ts";
import { isZip, readZip, type ZipMember } from "./read-zip.ts";

/** One unpacked file. It must be read to its end, or given up, before the next one is asked for. */
export interface Unpacked {
  readonly chunks: AsyncIterable<Buffer>;
  /** Told while the chunks are read: true once what came so far is all that can be had. */
  readonly isDamaged: () => boolean;
}

/** What is counted over all layers and members of one file. */
export interface Budget {
  readonly limits: ReportLimits;
  unpackedBytes: number;
  members: number;
  /** What was left out without ending the reading. */
  readonly leftOut: Set<ReportProblem>;
}

export function newBudget(limits: ReportLimits): Budget {
  return { limits, unpackedBytes: 0, members: 0, leftOut: new Set() };
}

/** Throws ReportLimitReached. */
export async function* unpackReport(bytes: Buffer, budget: Budget): AsyncGenerator<Unpacked> {
  yield* unpackLayer(slicesOf(bytes), { budget, layer: 0, isDamaged: () => false });
}

interface Layer {
  readonly budget: Budget;
  readonly layer: number;
  readonly isDamaged: () => boolean;
}

/** Small, so that a limit acts before one push of input has become a hundred megabytes. */
const SLICE_BYTES = 16 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** Of a small file each slice counts: a fault costs all that came out with it. */
const SMALL_SLICE_BYTES = 512;
const SMALL_BYTES = 64 * 1024;
/** A file that was cut off is read as far as it goes. */
const inflateOptions = { chunkSize: CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH };
/** Below this no ratio is suspicious. */
const RATIO_FROM_BYTES = 1024 * 1024;
const GZIP = 0x1f8b;

async function* unpackLayer(
  source: AsyncIterable<Buffer>,
  { budget, layer, isDamaged }: Layer,
): AsyncGenerator<Unpacked> {
  const { first, all } = await peek(source);
  const isPacked = isGzip(first) || isZip(first);
  if (!isPacked) {
    yield { chunks: all, isDamaged };
    return;
  }
  if (layer >= budget.limits.layers) throw new ReportLimitReached("packed-too-deep");
  if (isGzip(first)) {
    const inflated = inflate(all, createGunzip(inflateOptions), budget);
    yield* unpackLayer(inflated.chunks, {
      budget,
      layer: layer + 1,
      isDamaged: () => isDamaged() || inflated.isDamaged(),
    });
    return;
  }
  yield* unpackZip(await collect(all, budget.limits.packedBytes), { budget, layer: layer + 1, isDamaged });
}

async function* unpackZip(bytes: Buffer, layer: Layer): AsyncGenerator<Unpacked> {
  const { budget } = layer;
  const directory = readZip(bytes, budget.limits.members);
  if (directory.isDamaged && directory.members.length === 0) throw new ReportLimitReached("damaged-archive");
  if (directory.count > budget.limits.members) budget.leftOut.add("too-many-members");
  for (const member of directory.members) {
    budget.members += 1;
    if (budget.members > budget.limits.members) throw new ReportLimitReached("too-many-members");
    const problem = judgeMember(member);
    if (problem) budget.leftOut.add(problem);
    else if (!member.name.endsWith("/")) yield* unpackMember(member, directory.isDamaged, layer);
  }
}

function judgeMember({ name, isEncrypted }: ZipMember): ReportProblem | null {
  if (isEncrypted) return "encrypted";
  return /(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]|^[a-z]:/i.test(name) ? "unsafe-member" : null;
}

async function* unpackMember(
  member: ZipMember,
  isCutOff: boolean,
  { budget, layer, isDamaged }: Layer,
): AsyncGenerator<Unpacked> {
  const engine = member.isDeflated ? createInflateRaw(inflateOptions) : new PassThrough();
  const inflated = inflate(slicesOf(member.packed), engine, budget);
  const checked = checkSum(inflated.chunks, member);
  yield* unpackLayer(checked.chunks, {
    budget,
    layer,
    isDamaged: () => isDamaged() || isCutOff || inflated.isDamaged() || checked.isWrong(),
  });
}

type Engine = Transform & { readonly bytesWritten?: number };

interface Inflated {
  readonly chunks: AsyncIterable<Buffer>;
  readonly isDamaged: () => boolean;
}

/** What comes out before a fault comes out; then it ends as if that were all. A stream's own iterator would drop it. */
function inflate(source: AsyncIterable<Buffer>, engine: Engine, budget: Budget): Inflated {
  const queue: Buffer[] = [];
  const state = {
    isEnded: false,
    isDamaged: false,
    limit: null as ReportLimitReached | null,
    wake: () => undefined as void,
  };
  const end = (error?: Error): void => {
    if (error instanceof ReportLimitReached) state.limit = error;
    else if (error) state.isDamaged = true;
    state.isEnded = true;
    state.wake();
  };
  async function* run(): AsyncGenerator<Buffer> {
    const input = Readable.from(source, { highWaterMark: 1 });
    input.on("error", end).pipe(engine);
    engine.on("end", () => end()).on("error", end);
    engine.on("data", (chunk: Buffer) => {
      queue.push(chunk);
      engine.pause();
      state.wake();
    });
    let out = 0;
    try {
      for (;;) {
        const chunk = queue.shift();
        if (chunk) {
          out += chunk.length;
          countUnpacked(chunk.length, out, engine, budget);
          yield chunk;
        } else if (state.isEnded) break;
        else {
          const woken = new Promise<void>((wake) => (state.wake = wake));
          engine.resume();
          await woken;
        }
      }
      if (state.limit) throw state.limit;
    } finally {
      input.destroy();
      engine.destroy();
    }
  }
  return { chunks: run(), isDamaged: () => state.isDamaged };
}

function countUnpacked(bytes: number, ofThisStream: number, engine: Engine, budget: Budget): void {
  const { unpackedBytes, ratio } = budget.limits;
  budget.unpackedBytes += bytes;
  const packed = Math.max(engine.bytesWritten ?? ofThisStream, SLICE_BYTES);
  const isBomb = ofThisStream > RATIO_FROM_BYTES && ofThisStream > ratio * packed;
  if (budget.unpackedBytes > unpackedBytes || isBomb) throw new ReportLimitReached("too-large-when-unpacked");
}

function checkSum(
  source: AsyncIterable<Buffer>,
  member: ZipMember,
): { chunks: AsyncIterable<Buffer>; isWrong(): boolean } {
  let isWrong = false;
  async function* run(): AsyncGenerator<Buffer> {
    let [sum, bytes] = [0, 0];
    for await (const chunk of source) {
      sum = crc32(chunk, sum);
      bytes += chunk.length;
      yield chunk;
    }
    isWrong = sum !== member.crc || bytes !== member.claimedBytes;
  }
  return { chunks: run(), isWrong: () => isWrong };
}

/** The first bytes, enough to know what they are, and everything as it was. */
async function peek(source: AsyncIterable<Buffer>): Promise<{ first: Buffer; all: AsyncIterable<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  while (first.length < 4) {
    const next = await iterator.next();
    if (next.done === true) break;
    first = first.length === 0 ? next.value : Buffer.concat([first, next.value]);
  }
  async function* everything(): AsyncGenerator<Buffer> {
    try {
      yield first;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { first, all: everything() };
}

async function collect(source: AsyncIterable<Buffer>, mostBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new ReportLimitReached("too-large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function isGzip(bytes: Buffer): boolean {
  return bytes.length >= 2 && bytes.readUInt16BE(0) === GZIP;
}

// Asynchronous only in form, so that a layer need not know what lies around it.
// oxlint-disable-next-line require-await
async function* slicesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  const size = bytes.length < SMALL_BYTES ? SMALL_SLICE_BYTES : SLICE_BYTES;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
