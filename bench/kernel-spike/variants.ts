// The three variants behind one shape: validate a body (chunks), list the families, emit.
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import * as plain from './plain.ts';
import { RUN, Refused, Tables, line, parseLine } from './plain.ts';

export interface Pod { name: string; ip: string }
export type Sink = (block: Buffer) => void;

export interface Segment {
  pod: number;
  bytes: Buffer; // B: all of the memory
  base: number; // where the segment starts in bytes
  inserts: Uint32Array; // B: all of the memory
  insertsAt: number; // index in inserts
  runs: Uint32Array;
  runsAt: number;
  runCount: number;
  irregular: number;
}

export interface Family {
  name: string;
  bytes: Buffer;
  headPod: number;
  heads: number[]; // segment, run
  refs: number[]; // segment, run
}

/** The family table over all bodies: the same code for every variant. */
export function index(segments: Segment[]): Family[] {
  const families: Family[] = [];
  const byName = new Map<string, Family>();
  const next = new Map<Family | undefined, Family>(); // what followed in the pod before
  const follows: (Family | undefined)[] = [];
  let family: Family | undefined;
  let position = 0;
  let pod = -1;
  for (let s = 0; s < segments.length; s++) {
    const segment = segments[s]!;
    const { bytes, base, runs } = segment;
    if (segment.pod !== pod) {
      pod = segment.pod;
      position = 0;
      family = undefined;
    }
    for (let i = 0, r = segment.runsAt; i < segment.runCount; i++, r += RUN) {
      const length = runs[r + 1]!;
      if (length !== 0) {
        const from = base + runs[r]!;
        const guess = follows[position];
        if (guess !== undefined && equal(guess.bytes, bytes, from, length)) family = guess;
        else {
          const name = bytes.latin1Slice(from, from + length);
          family = byName.get(name);
          if (family === undefined) {
            family = { name, bytes: Buffer.from(name, 'latin1'), headPod: -1, heads: [], refs: [] };
            byName.set(name, family);
            families.push(family);
          }
          follows[position] = family;
        }
        position++;
      }
      if (runs[r + 3]! !== runs[r + 2]! && (family!.headPod < 0 || family!.headPod === pod)) {
        family!.headPod = pod;
        family!.heads.push(s, r);
      }
      if (runs[r + 7]! !== 0) family!.refs.push(s, r);
    }
  }
  return families;
}

function equal(a: Buffer, b: Buffer, at: number, length: number): boolean {
  if (a.length !== length) return false;
  for (let i = length - 1; i >= 0; i--) if (a[i] !== b[at + i]) return false;
  return true;
}

export const BLOCK = Number(process.env.BLOCK ?? 128) * 1024;
/** Stands for a pool of blocks that come back when the socket has taken them. */
const pool = Array.from({ length: 4 }, () => Buffer.allocUnsafeSlow(BLOCK + 64).fill(1));
let poolNext = 0;
function nextBlock(): Buffer {
  return pool[poolNext++ & 3]!;
}

export function labelsOf(pod: Pod): string {
  return `podname="${pod.name}",podip="${pod.ip}"`;
}

/** Calls use(buffer, end) with whole lines; a line across chunks becomes a Buffer of its own. */
function wholeLines(chunks: Iterable<Buffer>, use: (b: Buffer, end: number) => void): void {
  let carry: Buffer | undefined;
  for (let chunk of chunks) {
    if (carry !== undefined) {
      const first = chunk.indexOf(10);
      if (first < 0) {
        carry = Buffer.concat([carry, chunk]);
        continue;
      }
      const straddler: Buffer = Buffer.allocUnsafe(carry.length + first + 1);
      carry.copy(straddler, 0);
      chunk.copy(straddler, carry.length, 0, first + 1);
      use(straddler, straddler.length);
      carry = undefined;
      chunk = chunk.subarray(first + 1);
    }
    const last = chunk.lastIndexOf(10) + 1;
    if (last > 0) use(chunk, last);
    if (last < chunk.length) carry = chunk.subarray(last);
  }
  if (carry !== undefined) throw new Refused('no LF at the end');
}

function checkUtf8(b: Buffer): void {
  if (!isUtf8(b)) throw new Refused('not UTF-8');
}

export interface Variant {
  validate(chunks: Iterable<Buffer>, pod: number, segments: Segment[]): void;
  emit(families: Family[], segments: Segment[], pods: Pod[], sink: Sink): void;
  clear(): void;
}

// ---------------------------------------------------------------- A

export type CopyBy = 'loop' | 'set' | 'copy' | 'mixed' | 'mixed64';

export class Plain implements Variant {
  private tables = new Tables();
  private readonly prefix: boolean;
  private readonly copyBy: CopyBy;
  constructor(prefix: boolean, copyBy: CopyBy) {
    this.prefix = prefix;
    this.copyBy = copyBy;
  }

  clear(): void {}

  validate(chunks: Iterable<Buffer>, pod: number, segments: Segment[]): void {
    const { tables } = this;
    tables.reset();
    wholeLines(chunks, (bytes, end) => {
      checkUtf8(bytes.subarray(0, end));
      plain.validate(bytes, end, tables, this.prefix);
      segments.push({
        pod, bytes, base: 0,
        inserts: tables.inserts.slice(0, tables.insertCount), insertsAt: 0,
        runs: tables.runs.slice(0, tables.runCount * RUN), runsAt: 0,
        runCount: tables.runCount, irregular: 0,
      });
    });
  }

  emit(families: Family[], segments: Segment[], pods: Pod[], sink: Sink): void {
    const labels = pods.map((pod) => {
      const l = labelsOf(pod);
      return [Buffer.from(l + ','), Buffer.from(`{${l}}`), Buffer.from(l)];
    });
    const limit = this.copyBy === 'loop' ? 1e9 : this.copyBy === 'mixed' ? 128 : this.copyBy === 'mixed64' ? 64 : 0;
    const set = this.copyBy === 'set';
    let block = nextBlock();
    let o = 0;
    const flush = (): void => {
      sink(block.subarray(0, o));
      block = nextBlock();
      o = 0;
    };
    const put = (b: Buffer, from: number, to: number): void => {
      const n = to - from;
      if (o + n > BLOCK) {
        flush();
        while (to - from > BLOCK) {
          b.copy(block, 0, from, from + BLOCK);
          from += BLOCK;
          o = BLOCK;
          flush();
        }
      }
      if (n <= limit) {
        const out = block;
        let w = o;
        for (let i = from; i < to; i++) out[w++] = b[i]!;
        o = w;
      } else if (set) {
        block.set(b.subarray(from, to), o);
        o += to - from;
      } else {
        b.copy(block, o, from, to);
        o += to - from;
      }
    };
    for (const family of families) {
      const { heads, refs } = family;
      for (let i = 0; i < heads.length; i += 2) {
        const { bytes, runs } = segments[heads[i]!]!;
        const r = heads[i + 1]!;
        put(bytes, runs[r + 2]!, runs[r + 3]!);
      }
      for (let i = 0; i < refs.length; i += 2) {
        const { bytes, runs, inserts, insertsAt, pod } = segments[refs[i]!]!;
        const label = labels[pod]!;
        const r = refs[i + 1]!;
        let p = runs[r + 4]!;
        const first = insertsAt + runs[r + 6]!;
        const last = first + runs[r + 7]!;
        for (let j = first; j < last; j++) {
          const e = inserts[j]!;
          const cut = e & 0x3fffffff;
          put(bytes, p, cut);
          const l = label[e >>> 30]!;
          put(l, 0, l.length);
          p = cut;
        }
        put(bytes, p, runs[r + 5]!);
      }
    }
    flush();
  }
}

// ---------------------------------------------------------------- B and C

interface Kernel {
  memory: WebAssembly.Memory;
  reset(): void;
  begin(base: number, inserts: number, runs: number): void;
  validate(pos: number, end: number, usePrefix: boolean): number;
  acceptSample(line: number, insert: number, kind: number, name: number, length: number): void;
  acceptComment(line: number, name: number, length: number, type: number, next: number): void;
  skip(line: number): void;
  jobs(ptr: number, count: number): void;
  emit(out: number, limit: number): number;
}

const wasm = new WebAssembly.Module(readFileSync(new URL('kernel.wasm', import.meta.url)));
export const wasmBytes = readFileSync(new URL('kernel.wasm', import.meta.url)).length;

const RES = 4352 >> 2;
const LABELS = 8192; // 1024 pods x (24 bytes of pieces + 232 of text)
const LABEL_SIZE = 256;
const JOBS = LABELS + 1024 * LABEL_SIZE;
const JOB_COUNT = 2048;
const SLAB = 65536; // u32 in one piece of tables (C)
const INSERTS = JOBS + JOB_COUNT * 32;
const INSERTS_SIZE = 128 * 1024; // a segment is at most 128 KiB, and a line at least 4 bytes
const RUNS = INSERTS + INSERTS_SIZE;
const RUNS_SIZE = 1024 * 1024; // 32 bytes for each line of 4: the worst case
const OUT = RUNS + RUNS_SIZE;
const WINDOW = OUT + BLOCK + 1024;
const WINDOW_SIZE = Number(process.env.WINDOW ?? 256) * 1024;
const HEAP = WINDOW + WINDOW_SIZE + 1024; // B: where bodies go

abstract class WithKernel implements Variant {
  protected readonly kernel: Kernel;
  protected bytes!: Buffer;
  protected words!: Uint32Array;
  protected readonly prefix: boolean;

  constructor(prefix: boolean, size: number) {
    this.prefix = prefix;
    this.kernel = new WebAssembly.Instance(wasm, { env: { abort() { throw new Error('abort'); } } })
      .exports as unknown as Kernel;
    this.ensure(size);
  }

  /** Makes room up to `size`; the old ArrayBuffer is detached by it, so the views are made anew. */
  protected ensure(size: number): void {
    const { memory } = this.kernel;
    const have = memory.buffer.byteLength;
    if (size > have) {
      // by a quarter at least: each growth costs a detach and new views
      const want = Math.max(size, Math.min(have + (have >> 2), 65535 * 65536));
      memory.grow((want - have + 65535) >> 16);
    }
    if (this.bytes === undefined || this.bytes.buffer !== memory.buffer) {
      this.bytes = Buffer.from(memory.buffer);
      this.words = new Uint32Array(memory.buffer);
    }
  }

  /** Validates the whole lines [at, end) of the memory; returns how many were irregular. */
  protected run(at: number, end: number): number {
    const { kernel, words } = this;
    let irregular = 0;
    kernel.begin(at, INSERTS, RUNS);
    let pos = at;
    while (kernel.validate(pos, end, this.prefix) !== 0) {
      const start = words[RES]!;
      irregular++;
      parseLine(this.bytes, start, -1);
      if (line.kind < 3) kernel.acceptSample(start, line.insert, line.kind, line.nameStart, line.nameEnd - line.nameStart);
      else if (line.kind === 5) kernel.skip(start);
      else kernel.acceptComment(start, line.nameStart, line.nameEnd - line.nameStart, line.type, line.next);
      pos = line.next;
    }
    return irregular;
  }

  protected writeLabels(pods: Pod[]): void {
    pods.forEach((pod, i) => {
      const at = LABELS + i * LABEL_SIZE;
      const text = at + 24;
      const l = labelsOf(pod);
      // `L,` and `{L}` share no text; `L` is the start of `L,`
      const first = this.bytes.latin1Write(l + ',', text);
      const second = this.bytes.latin1Write(`{${l}}`, text + first);
      this.words.set([text, first, text + first, second, text, first - 1], at >> 2);
    });
  }

  /** Runs the jobs that were written, and hands out the blocks. Returns bytes left in OUT. */
  protected flushJobs(count: number, filled: number, sink: Sink): number {
    const { kernel, words, bytes } = this;
    kernel.jobs(JOBS, count);
    for (;;) {
      filled += kernel.emit(OUT + filled, OUT + BLOCK);
      if (words[RES] === 1) return filled;
      const block = nextBlock();
      bytes.copy(block, 0, OUT, OUT + filled);
      sink(block.subarray(0, filled));
      filled = 0;
    }
  }

  protected last(filled: number, sink: Sink): void {
    const block = nextBlock();
    this.bytes.copy(block, 0, OUT, OUT + filled);
    sink(block.subarray(0, filled));
  }

  abstract validate(chunks: Iterable<Buffer>, pod: number, segments: Segment[]): void;
  abstract emit(families: Family[], segments: Segment[], pods: Pod[], sink: Sink): void;
  abstract clear(): void;
}

/** B: the linear memory owns the bytes and the tables. */
export class Resident extends WithKernel {
  private heap = HEAP;

  constructor(prefix: boolean) {
    super(prefix, HEAP + 65536);
  }

  clear(): void {
    this.heap = HEAP;
  }

  validate(chunks: Iterable<Buffer>, pod: number, segments: Segment[]): void {
    this.kernel.reset();
    let base = this.heap;
    let carry = 0;
    for (const chunk of chunks) {
      const have = carry + chunk.length;
      if (have > 128 * 1024) throw new Refused('line too long');
      this.ensure(base + have * 2 + INSERTS_SIZE + RUNS_SIZE);
      const last = chunk.lastIndexOf(10) + 1;
      chunk.copy(this.bytes, base + carry);
      if (last === 0) {
        carry = have;
        continue;
      }
      const length = carry + last;
      checkUtf8(this.bytes.subarray(base, base + length));
      const irregular = this.run(base, base + length);
      const inserts = this.words[RES + 1]!;
      const runs = this.words[RES + 2]!;
      // behind the segment: its tables, then the start of the next line
      const insertsAt = base + have + 3 & ~3;
      const runsAt = insertsAt + inserts * 4;
      const next = runsAt + runs * 32;
      this.bytes.copyWithin(insertsAt, INSERTS, INSERTS + inserts * 4);
      this.bytes.copyWithin(runsAt, RUNS, RUNS + runs * 32);
      carry = have - length;
      if (carry > 0) this.bytes.copyWithin(next, base + length, base + have);
      segments.push({
        pod, bytes: this.bytes, base, inserts: this.words, insertsAt,
        runs: this.words, runsAt: runsAt >> 2, runCount: runs, irregular,
      });
      base = next;
    }
    if (carry > 0) throw new Refused('no LF at the end');
    this.heap = base;
  }

  /** Views of a memory that grew are detached. */
  refresh(segments: Segment[]): void {
    for (const segment of segments) {
      segment.bytes = this.bytes;
      segment.inserts = segment.runs = this.words;
    }
  }

  emit(families: Family[], segments: Segment[], pods: Pod[], sink: Sink): void {
    this.writeLabels(pods);
    const { words } = this;
    let count = 0;
    let filled = 0;
    const job = (base: number, from: number, to: number, table: number, n: number, labels: number): void => {
      const j = (JOBS >> 2) + count * 8;
      words[j] = base;
      words[j + 1] = from;
      words[j + 2] = to;
      words[j + 3] = table;
      words[j + 4] = n;
      words[j + 5] = labels;
      if (++count === JOB_COUNT) {
        filled = this.flushJobs(count, filled, sink);
        count = 0;
      }
    };
    for (const family of families) {
      const { heads, refs } = family;
      for (let i = 0; i < heads.length; i += 2) {
        const { base } = segments[heads[i]!]!;
        const r = heads[i + 1]!;
        job(base, words[r + 2]!, words[r + 3]!, 0, 0, 0);
      }
      for (let i = 0; i < refs.length; i += 2) {
        const { base, insertsAt, pod } = segments[refs[i]!]!;
        const r = refs[i + 1]!;
        job(base, words[r + 4]!, words[r + 5]!, insertsAt + words[r + 6]! * 4, words[r + 7]!, LABELS + pod * LABEL_SIZE);
      }
    }
    filled = this.flushJobs(count, filled, sink);
    this.last(filled, sink);
  }
}

/** C: Buffers own the bytes and tables; the memory is a window of fixed size. */
export class Windowed extends WithKernel {
  /** The tables of many segments, one behind the other: small typed arrays of their own cost more. */
  private slab = new Uint32Array(0);
  private used = 0;

  constructor(prefix: boolean) {
    super(prefix, HEAP);
  }

  clear(): void {
    this.slab = new Uint32Array(0);
    this.used = 0;
  }

  validate(chunks: Iterable<Buffer>, pod: number, segments: Segment[]): void {
    this.kernel.reset();
    wholeLines(chunks, (bytes, end) => {
      if (end > 128 * 1024) throw new Refused('line too long');
      checkUtf8(bytes.subarray(0, end));
      bytes.copy(this.bytes, WINDOW, 0, end);
      const irregular = this.run(WINDOW, WINDOW + end);
      const inserts = this.words[RES + 1]!;
      const runs = this.words[RES + 2]!;
      const size = inserts + runs * RUN;
      if (this.used + size > this.slab.length) {
        this.slab = new Uint32Array(Math.max(SLAB, size));
        this.used = 0;
      }
      const { slab, used } = this;
      if (inserts > 0) slab.set(this.words.subarray(INSERTS >> 2, (INSERTS >> 2) + inserts), used);
      if (runs > 0) slab.set(this.words.subarray(RUNS >> 2, (RUNS >> 2) + runs * RUN), used + inserts);
      segments.push({
        pod, bytes, base: 0, inserts: slab, insertsAt: used, runs: slab, runsAt: used + inserts,
        runCount: runs, irregular,
      });
      this.used += size;
    });
  }

  emit(families: Family[], segments: Segment[], pods: Pod[], sink: Sink): void {
    this.writeLabels(pods);
    const { words, bytes: memory } = this;
    const end = WINDOW + WINDOW_SIZE;
    let count = 0;
    let filled = 0;
    let at = WINDOW;
    // the bytes and the inserts of each job go to the window one behind the other
    const job = (bytes: Buffer, from: number, to: number, inserts: Uint32Array, first: number, n: number, labels: number): void => {
      const length = to - from;
      const need = length + n * 4 + 8;
      if (count === JOB_COUNT || at + need > end) {
        filled = this.flushJobs(count, filled, sink);
        count = 0;
        at = WINDOW;
      }
      const table = at;
      if (n <= 32) {
        let w = table >> 2;
        for (let i = first; i < first + n; i++) words[w++] = inserts[i]!;
      } else words.set(inserts.subarray(first, first + n), table >> 2);
      const text = table + n * 4;
      bytes.copy(memory, text, from, to);
      at = text + length + 3 & ~3;
      const j = (JOBS >> 2) + count++ * 8;
      words[j] = text - from;
      words[j + 1] = from;
      words[j + 2] = to;
      words[j + 3] = table;
      words[j + 4] = n;
      words[j + 5] = labels;
    };
    for (const family of families) {
      const { heads, refs } = family;
      for (let i = 0; i < heads.length; i += 2) {
        const { bytes, runs, inserts } = segments[heads[i]!]!;
        const r = heads[i + 1]!;
        job(bytes, runs[r + 2]!, runs[r + 3]!, inserts, 0, 0, 0);
      }
      for (let i = 0; i < refs.length; i += 2) {
        const { bytes, runs, inserts, insertsAt, pod } = segments[refs[i]!]!;
        const r = refs[i + 1]!;
        job(bytes, runs[r + 4]!, runs[r + 5]!, inserts, insertsAt + runs[r + 6]!, runs[r + 7]!, LABELS + pod * LABEL_SIZE);
      }
    }
    filled = this.flushJobs(count, filled, sink);
    this.last(filled, sink);
  }
}

/** D: validates as C does, writes as A does. */
export class Hybrid extends Windowed {
  private readonly plain = new Plain(true, 'copy');

  emit(families: Family[], segments: Segment[], pods: Pod[], sink: Sink): void {
    this.plain.emit(families, segments, pods, sink);
  }
}
