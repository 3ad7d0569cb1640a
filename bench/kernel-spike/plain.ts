// Variant A: plain TypeScript over the received Buffers. Also the slow path of B and C (parseLine).

export class Refused extends Error {}

// 1: name start, 2: name start or ':', 4: digit; name bytes of a label: & 5, of a metric: & 7
const CLASS = new Uint8Array(256);
for (let c = 97; c < 123; c++) CLASS[c] = CLASS[c - 32] = 3;
CLASS[95] = 3;
CLASS[58] = 2;
for (let c = 48; c < 58; c++) CLASS[c] = 4;

/** What parseLine found. kind: 0..2 sample (see kernel.ts), 3 HELP, 4 TYPE, 5 nothing. */
export const line = {
  kind: 5, insert: 0, nameStart: 0, nameEnd: 0, type: 0, next: 0, conflict: false,
  value: 0, // where the value starts
  labels: 0,
};
/** Label name k of the line: where it starts and ends, as offsets from the line's start. */
const nameAt = new Uint32Array(128);
const nameTo = new Uint32Array(128);

function refuse(what: string, at: number): never {
  throw new Refused(`${what} at byte ${at}`);
}

function blanks(b: Uint8Array, p: number): number {
  while (b[p] === 32 || b[p] === 9) p++;
  return p;
}

function number(b: Uint8Array, start: number): number {
  let p = start;
  let c = b[p]!;
  if (c === 43 || c === 45) c = b[++p]!;
  if (c >= 48 && c <= 57 || c === 46) {
    const intStart = p;
    while (c >= 48 && c <= 57) c = b[++p]!;
    let digits = p - intStart;
    if (c === 46) {
      const fraction = ++p;
      c = b[p]!;
      while (c >= 48 && c <= 57) c = b[++p]!;
      digits += p - fraction;
    }
    if (digits === 0) return 0;
    if (c === 101 || c === 69) {
      c = b[++p]!;
      if (c === 43 || c === 45) c = b[++p]!;
      if (!(c >= 48 && c <= 57)) return 0;
      while (c >= 48 && c <= 57) c = b[++p]!;
    }
    return p;
  }
  let end = p;
  while (CLASS[b[end]!]! === 3) end++;
  const word = Buffer.from(b.buffer, b.byteOffset + p, end - p).toString('latin1').toLowerCase();
  return word === 'inf' || word === 'infinity' || (word === 'nan' && p === start) ? end : 0;
}

function sameBytes(b: Uint8Array, x: number, y: number, n: number): boolean {
  for (let i = 0; i < n; i++) if (b[x + i] !== b[y + i]) return false;
  return true;
}

function isWord(b: Uint8Array, p: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (b[p + i] !== word.charCodeAt(i)) return false;
  return true;
}

/**
 * Reads the line at start, which an LF ends, into `line`. prev: start of the sample line that is in
 * `line` now, to begin behind the labels both lines have in common; -1 for none.
 * Returns whether the metric name is known to be that of prev.
 */
export function parseLine(b: Uint8Array, start: number, prev: number): boolean {
  let p = start;
  let c = b[p]!;
  if (c === 35) return parseComment(b, start);
  let k = 0;
  let inLabels = false;
  if (prev >= 0) {
    const wanted = line.value;
    const shift = start - prev;
    let q = prev;
    while (q < wanted && b[q] === b[q + shift]) q++;
    if (q >= line.insert) {
      const whole = q >= wanted;
      if (whole || line.kind === 0 && q - prev >= nameAt[0]!) {
        line.nameStart += shift;
        line.nameEnd += shift;
        line.insert += shift;
        if (whole) {
          parseValue(b, q + shift);
          return true;
        }
        k = line.labels - 1;
        q -= prev;
        while (nameAt[k]! > q) k--;
        p = nameAt[k]! + start;
        inLabels = true;
      }
    }
  }
  const known = inLabels;
  if (!inLabels) {
    line.conflict = false;
    if (c === 32 || c === 9) c = b[p = blanks(b, p)]!;
    if (c === 10) {
      line.kind = 5;
      line.next = p + 1;
      return false;
    }
    line.nameStart = p;
    if ((CLASS[c]! & 3) === 0) refuse('no metric name', p);
    do c = b[++p]!; while (CLASS[c]! !== 0);
    line.nameEnd = p;
    if (c === 32 || c === 9) c = b[p = blanks(b, p)]!;
    line.insert = line.nameEnd;
    line.kind = 1;
    line.labels = 0;
    if (c === 123) {
      line.insert = p + 1;
      line.kind = 2;
      c = b[p = blanks(b, p + 1)]!;
      if (c === 125) p++;
      else {
        line.kind = 0;
        inLabels = true;
      }
    } else if (p === line.nameEnd) refuse('no blank behind the name', p);
  }
  while (inLabels) {
    const from = p;
    c = b[p]!;
    if ((CLASS[c]! & 1) === 0) refuse('no label name', p);
    do c = b[++p]!; while ((CLASS[c]! & 5) !== 0);
    const to = p;
    const length = to - from;
    nameAt[k] = from - start;
    nameTo[k] = to - start;
    const first = b[from];
    for (let i = 0; i < k; i++) {
      const other = nameAt[i]!;
      if (nameTo[i]! - other === length && b[start + other] === first && sameBytes(b, start + other, from, length)) {
        refuse('label name twice', from);
      }
    }
    if (first === 112 && (length === 7 && isWord(b, from, 'podname') || length === 5 && isWord(b, from, 'podip'))) {
      line.conflict = true;
    }
    if (c !== 61) {
      c = b[p = blanks(b, p)]!;
      if (c !== 61) refuse('no =', p);
    }
    c = b[++p]!;
    if (c !== 34) {
      c = b[p = blanks(b, p)]!;
      if (c !== 34) refuse('no quote', p);
    }
    for (;;) {
      c = b[++p]!;
      if (c === 34) break;
      if (c === 10) refuse('line ends in a label value', p);
      if (c === 92) {
        c = b[++p]!;
        if (c !== 92 && c !== 34 && c !== 110) refuse('bad escape', p);
      }
    }
    c = b[++p]!;
    if (c === 32 || c === 9) c = b[p = blanks(b, p)]!;
    k++;
    line.labels = k;
    if (c === 44) {
      c = b[++p]!;
      if (c === 32 || c === 9) c = b[p = blanks(b, p)]!;
      if (c === 125) { p++; break; }
      if (k === 127) refuse('too many labels', p);
    } else if (c === 125) {
      p++;
      break;
    } else refuse('neither , nor } behind a label value', p);
  }
  parseValue(b, blanks(b, p));
  return known;
}

function parseValue(b: Uint8Array, value: number): void {
  let p = value;
  line.value = p;
  let c = b[p]!;
  while (c >= 48 && c <= 57) c = b[++p]!;
  if (c !== 10 || p === value) {
    p = number(b, value);
    if (p === 0) refuse('bad value', value);
    c = b[p]!;
    if (c === 32 || c === 9) c = b[p = blanks(b, p)]!;
    else if (c !== 10) refuse('bad value', p);
    if (c !== 10) {
      if (c === 45) c = b[++p]!;
      const digits = p;
      while (c >= 48 && c <= 57) c = b[++p]!;
      if (p === digits) refuse('bad timestamp', p);
      if (c === 32 || c === 9) c = b[p = blanks(b, p)]!;
      if (c !== 10) refuse('text behind the sample', p);
    }
  }
  line.next = p + 1;
}

const TYPES = new Map([['counter', 3], ['gauge', 3], ['histogram', 1], ['summary', 2], ['untyped', 3]]);

function parseComment(b: Uint8Array, start: number): boolean {
  const end = b.indexOf(10, start);
  line.next = end + 1;
  line.kind = 5;
  line.conflict = false;
  let p = blanks(b, start + 1);
  const help = isWord(b, p, 'HELP');
  if (!help && !isWord(b, p, 'TYPE')) return false;
  p += 4;
  if (b[p] !== 32 && b[p] !== 9) return false;
  p = blanks(b, p);
  line.nameStart = p;
  if ((CLASS[b[p]!]! & 3) === 0) refuse('no metric name in a comment', p);
  while (CLASS[b[p]!]! !== 0) p++;
  line.nameEnd = p;
  const c = b[p];
  if (c !== 32 && c !== 9 && !(c === 10 && help)) refuse('bad metric name in a comment', p);
  p = blanks(b, p);
  if (help) {
    line.kind = 3;
    line.type = 0;
    for (;;) {
      p = b.indexOf(92, p);
      if (p < 0 || p >= end) break;
      const e = b[p + 1];
      if (e !== 92 && e !== 110) refuse('bad escape', p);
      p += 2;
    }
  } else {
    line.kind = 4;
    const type = TYPES.get((b as Buffer).latin1Slice(p, end).trimEnd().toLowerCase());
    if (type === undefined) refuse('bad type', p);
    line.type = type;
  }
  return false;
}

/** Run records as kernel.ts writes them. */
export const RUN = 8;

/** The bookkeeping of the runs of one body, as in kernel.ts. */
export class Tables {
  inserts = new Uint32Array(65536);
  runs = new Uint32Array(65536);
  insertCount = 0;
  runCount = 0;
  conflicts = 0;
  private family = new Uint8Array(1024);
  private familyLength = 0;
  private familyType = 0;
  private open = false;

  reset(): void {
    this.familyLength = 0;
    this.familyType = 0;
  }

  begin(): void {
    this.insertCount = 0;
    this.runCount = 0;
    this.open = false;
  }

  private setFamily(b: Uint8Array, from: number, length: number): void {
    if (length > 1024) refuse('name too long', from);
    for (let i = 0; i < length; i++) this.family[i] = b[from + i]!;
    this.familyLength = length;
    this.familyType = 0;
  }

  private startsWithFamily(b: Uint8Array, from: number, length: number): boolean {
    const n = this.familyLength;
    const family = this.family;
    if (n === 0 || length < n) return false;
    for (let i = n - 1; i >= 0; i--) if (family[i] !== b[from + i]) return false;
    return true;
  }

  closeRun(at: number): void {
    if (!this.open) return;
    const r = (this.runCount - 1) * RUN;
    this.runs[r + 5] = at;
    this.runs[r + 7] = this.insertCount - this.runs[r + 6]!;
    this.open = false;
  }

  private newRun(at: number, name: number, length: number): void {
    const runs = this.runs;
    const r = this.runCount++ * RUN;
    runs[r] = name;
    runs[r + 1] = length;
    runs[r + 2] = runs[r + 3] = runs[r + 4] = runs[r + 5] = at;
    runs[r + 6] = this.insertCount;
    runs[r + 7] = 0;
  }

  private isBareHead(at: number): boolean {
    const r = (this.runCount - 1) * RUN;
    return r >= 0 && this.runs[r + 7] === 0 && this.runs[r + 3] === at;
  }

  sample(b: Uint8Array, start: number, from: number, to: number): void {
    const length = to - from;
    let inFamily = this.startsWithFamily(b, from, length);
    if (inFamily && length > this.familyLength) {
      const suffix = from + this.familyLength;
      switch (length - this.familyLength) {
        case 4: inFamily = this.familyType !== 0 && isWord(b, suffix, '_sum'); break;
        case 6: inFamily = this.familyType !== 0 && isWord(b, suffix, '_count'); break;
        case 7: inFamily = this.familyType === 1 && isWord(b, suffix, '_bucket'); break;
        default: inFamily = false;
      }
    }
    if (inFamily) {
      if (!this.open && !this.isBareHead(start)) this.newRun(start, from, 0);
    } else {
      this.closeRun(start);
      this.newRun(start, from, length);
      this.setFamily(b, from, length);
    }
    this.open = true;
  }

  comment(b: Uint8Array, start: number, from: number, to: number, type: number, next: number): void {
    this.closeRun(start);
    const length = to - from;
    if (length === this.familyLength && this.startsWithFamily(b, from, length)) {
      if (!this.isBareHead(start)) this.newRun(start, from, 0);
    } else {
      this.newRun(start, from, length);
      this.setFamily(b, from, length);
    }
    if (type !== 0) this.familyType = type === 3 ? 0 : type;
    const r = (this.runCount - 1) * RUN;
    this.runs[r + 3] = this.runs[r + 4] = this.runs[r + 5] = next;
  }

  push(insert: number, kind: number): void {
    this.inserts[this.insertCount++] = insert | kind << 30;
  }
}

/** Validates the whole lines [0, end) of b into tables. usePrefix as in kernel.ts. */
export function validate(b: Uint8Array, end: number, tables: Tables, usePrefix: boolean): void {
  let prev = -1;
  let p = 0;
  tables.begin();
  let nameFrom = 0;
  let nameTo = 0;
  while (p < end) {
    const known = parseLine(b, p, usePrefix ? prev : -1);
    const kind = line.kind;
    if (kind < 3) {
      const from = line.nameStart;
      const to = line.nameEnd;
      // the same name as the line before: the run goes on
      if (!known && (prev < 0 || nameTo - nameFrom !== to - from || !sameBytes(b, nameFrom, from, to - from))) {
        tables.sample(b, p, from, to);
      }
      tables.push(line.insert, kind);
      nameFrom = from;
      nameTo = to;
      prev = p;
      if (line.conflict) {
        tables.conflicts++;
        prev = -1; // the flag is that of a whole line: read the next one from its start
      }
    } else {
      if (kind === 5) tables.closeRun(p);
      else tables.comment(b, p, line.nameStart, line.nameEnd, line.type, line.next);
      prev = -1;
    }
    p = line.next;
  }
  tables.closeRun(p);
}
