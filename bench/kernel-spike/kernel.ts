// AssemblyScript SIMD kernel: validates segments of whole lines, and writes labelled output.
// It owns no allocation: every address comes from the host, except the scratch below 8 KiB.
// Whatever is not a plain regular line is handed back to the host ("irregular"), which
// decides with the plain TypeScript parser and tells the kernel with accept*().
//
// Insert table: one u32 a sample line: (insert offset - base) | kind << 30
//   kind 0 `name{a="b"} 1` -> `L,`   kind 1 `name 1` -> `{L}`   kind 2 `name{} 1` -> `L`
// Run record (8 u32): name offset, name length (0: same family as the run before),
//   head start, head end (HELP/TYPE), body start, body end, first insert (index), inserts.

const FAM: usize = 1024; // name of the current family (at most 1 KiB + 16)
const LOFF: usize = 2560; // u32[64] offset of label name k from the line's start
const LLEN: usize = 2816; // u32[64]
const BND: usize = 3072; // u32[65] where label k starts, from the line's start
const BLOOM: usize = 3584; // u64[65] names seen before label k
const RES: usize = 4352; // what the host reads: [0] position, [1] inserts, [2] runs
const RUN: usize = 32;

const LF: u32 = 10, SP: u32 = 32, QUOTE: u32 = 34, HASH: u32 = 35, COMMA: u32 = 44;
const OPEN: u32 = 123, CLOSE: u32 = 125, BACKSLASH: u32 = 92;

let base: usize = 0;
let insStart: usize = 0;
let ins: usize = 0; // next insert
let runsStart: usize = 0;
let run: usize = 0; // current run, or 0
let nextRun: usize = 0;
let open: bool = false; // the current run takes the next sample line
let famLen: usize = 0;
let famType: u32 = 0; // 1 histogram, 2 summary, 0 anything else

/** Forgets the family: a new body begins. */
export function reset(): void {
  famLen = 0;
  famType = 0;
}

/** Begins a segment. Offsets in the tables are relative to base_. */
export function begin(base_: usize, insPtr: usize, runsPtr: usize): void {
  base = base_;
  ins = insPtr;
  insStart = insPtr;
  runsStart = runsPtr;
  nextRun = runsPtr;
  run = 0;
  open = false;
}

@inline function same(a: usize, b: usize, n: usize): bool {
  let i: usize = 0;
  for (; i + 16 <= n; i += 16) {
    if (v128.bitmask<i8>(v128.eq<i8>(v128.load(a + i), v128.load(b + i))) != 0xffff) return false;
  }
  if (i == n) return true;
  const m = v128.bitmask<i8>(v128.eq<i8>(v128.load(a + i), v128.load(b + i)));
  return <usize>ctz<i32>(~m) >= n - i;
}

@inline function copy(to: usize, from: usize, n: usize): void {
  // Writes up to 63 bytes too many: whoever calls leaves room.
  let i: usize = 0;
  if (n > 1024) { memory.copy(to, from, n); return; }
  do {
    const a = v128.load(from + i), b = v128.load(from + i, 16);
    v128.store(to + i, a);
    v128.store(to + i, b, 16);
    i += 32;
  } while (i < n);
}

@inline function nameMask(v: v128, colon: bool): i32 {
  const letters = v128.lt<u8>(
    v128.sub<i8>(v128.or(v, i8x16.splat(0x20)), i8x16.splat(97)), i8x16.splat(26));
  const digits = v128.lt<u8>(
    v128.sub<i8>(v, i8x16.splat(48)), i8x16.splat(colon ? 11 : 10));
  const score = v128.eq<i8>(v, i8x16.splat(95));
  return v128.bitmask<i8>(v128.or(v128.or(letters, digits), score));
}

/** Length of the name at p. */
@inline function nameLen(p: usize, colon: bool): usize {
  let q = p;
  let n: usize = 0;
  do {
    n = <usize>ctz<i32>(~nameMask(v128.load(q), colon) | 0x10000);
    q += n;
  } while (n == 16);
  return q - p;
}

@inline function isDigit(p: usize): bool {
  return load<u8>(p) - 48 < 10;
}

/** End of the number at p, 0 if it is none of the usual. */
function number(p: usize): usize {
  let c: u32 = load<u8>(p);
  if (c == 43 || c == 45) c = load<u8>(++p);
  if (c == 73) return load<u8>(p, 1) == 110 && load<u8>(p, 2) == 102 ? p + 3 : 0; // Inf
  if (c == 78) { // NaN, without a sign
    return load<u8>(p, 1) == 97 && load<u8>(p, 2) == 78 && load<u8>(p - 1) == SP ? p + 3 : 0;
  }
  if (!isDigit(p)) return 0;
  do p++; while (isDigit(p));
  if (load<u8>(p) == 46) do p++; while (isDigit(p));
  if ((load<u8>(p) | 32) == 101) {
    c = load<u8>(++p);
    if (c == 43 || c == 45) p++;
    if (!isDigit(p)) return 0;
    do p++; while (isDigit(p));
  }
  return p;
}

@inline function closeRun(at: usize): void {
  if (open) {
    store<u32>(run, <u32>(at - base), 20);
    store<u32>(run, <u32>((ins - insStart) >> 2) - load<u32>(run, 24), 28);
    open = false;
  }
}

@inline function newRun(line: usize, name: usize, len: usize): void {
  run = nextRun;
  nextRun += RUN;
  const at = <u32>(line - base);
  store<u32>(run, <u32>(name - base));
  store<u32>(run, <u32>len, 4);
  store<u32>(run, at, 8);
  store<u32>(run, at, 12);
  store<u32>(run, at, 16);
  store<u32>(run, at, 20);
  store<u32>(run, <u32>((ins - insStart) >> 2), 24);
  store<u32>(run, 0, 28);
}

@inline function setFamily(name: usize, len: usize): void {
  copy(FAM, name, len);
  famLen = len;
  famType = 0;
}

/** Is the sample name part of the current family? */
@inline function inFamily(name: usize, len: usize): bool {
  if (famLen == 0 || len < famLen || !same(name, FAM, famLen)) return false;
  if (len == famLen) return true;
  if (famType == 0) return false;
  const s = name + famLen;
  switch (<i32>(len - famLen)) {
    case 4: return load<u32>(s) == 0x6d75735f; // _sum
    case 6: return load<u32>(s) == 0x756f635f && load<u16>(s, 4) == 0x746e; // _count
    case 7: return famType == 1 && load<u32>(s) == 0x6375625f && load<u32>(s, 3) == 0x74656b63; // _bucket
  }
  return false;
}

@inline function sample(line: usize, name: usize, len: usize): void {
  if (inFamily(name, len)) {
    if (!open) {
      // a head without samples so far takes them; else a run of the same family
      if (run == 0 || load<u32>(run, 28) != 0 || load<u32>(run, 12) != <u32>(line - base)) {
        newRun(line, name, 0);
      }
      open = true;
    }
  } else {
    closeRun(line);
    newRun(line, name, len);
    setFamily(name, len);
    open = true;
  }
}

/** A HELP or TYPE line of the family `name`. type: 0 HELP, 1 histogram, 2 summary, 3 any other. */
function comment(line: usize, name: usize, len: usize, type: u32, next: usize): void {
  closeRun(line);
  if (len == famLen && same(name, FAM, len)) {
    if (run == 0 || load<u32>(run, 28) != 0 || load<u32>(run, 12) != <u32>(line - base)) {
      newRun(line, name, 0);
    }
  } else {
    newRun(line, name, len);
    setFamily(name, len);
  }
  if (type != 0) famType = type == 3 ? 0 : type;
  const at = <u32>(next - base);
  store<u32>(run, at, 12);
  store<u32>(run, at, 16);
  store<u32>(run, at, 20);
}

/** The host found the irregular sample line to be legal. */
export function acceptSample(line: usize, insert: usize, kind: u32, name: usize, len: usize): void {
  sample(line, name, len);
  store<u32>(ins, <u32>(insert - base) | (kind << 30));
  ins += 4;
}

export function acceptComment(line: usize, name: usize, len: usize, type: u32, next: usize): void {
  comment(line, name, len, type, next);
}

/** The host passed over an irregular line without meaning. */
export function skip(line: usize): void {
  closeRun(line);
}

/** Position of the LF at or after p, or of a backslash before it. */
@inline function lineEnd(p: usize): usize {
  let n: usize = 0;
  do {
    const v = v128.load(p);
    n = <usize>ctz<i32>(v128.bitmask<i8>(v128.or(
      v128.eq<i8>(v, i8x16.splat(10)), v128.eq<i8>(v, i8x16.splat(92)))) | 0x10000);
    p += n;
  } while (n == 16);
  return p;
}

/** A `# HELP` or `# TYPE` line or another comment: position after it, 0 if irregular. */
function commentLine(line: usize): usize {
  const w = load<u32>(line, 2);
  const help = w == 0x504c4548, type = w == 0x45505954;
  if (load<u8>(line, 1) != SP || (!help && !type)) return 0;
  if (load<u8>(line, 6) != SP) return 0;
  const name = line + 7;
  const len = nameLen(name, true);
  if (len == 0 || len > 1024 || isDigit(name)) return 0;
  let p = name + len;
  if (load<u8>(p) != SP) return 0;
  p++;
  let kind: u32 = 0;
  if (type) {
    const t = load<u32>(p);
    if (t == 0x6e756f63) { // counter
      if (load<u32>(p, 4) != 0x0a726574) return 0;
      kind = 3; p += 7;
    } else if (t == 0x67756167) { // gauge
      if (load<u16>(p, 4) != 0x0a65) return 0;
      kind = 3; p += 5;
    } else if (t == 0x74736968) { // histogram
      if (load<u32>(p, 4) != 0x6172676f || load<u16>(p, 8) != 0x0a6d) return 0;
      kind = 1; p += 9;
    } else if (t == 0x6d6d7573) { // summary
      if (load<u32>(p, 4) != 0x0a797261) return 0;
      kind = 2; p += 7;
    } else if (t == 0x79746e75) { // untyped
      if (load<u32>(p, 4) != 0x0a646570) return 0;
      kind = 3; p += 7;
    } else return 0;
  } else {
    p = lineEnd(p);
    if (load<u8>(p) != LF) return 0;
  }
  comment(line, name, len, kind, p + 1);
  return p + 1;
}

/**
 * Validates the whole lines [pos, end), the last byte of which is LF. usePrefix: compare each
 * line with the one before, and start behind the labels they have in common.
 * Returns 0 when done, 1 with an irregular line at RES[0].
 */
export function validate(pos: usize, end: usize, usePrefix: bool): u32 {
  let prev: usize = 0; // start of the sample line before, or 0
  let pName: usize = 0; // its name's length
  let pInsert: usize = 0; // where its labels go, from its start
  let pKind: u32 = 0;
  let pValue: usize = 0; // where its value starts, from its start
  let pLast: usize = 0; // its last label
  while (pos < end) {
    const line = pos;
    const first: u32 = load<u8>(line);
    if (first == HASH) {
      pos = commentLine(line);
      if (pos == 0) { store<u32>(RES, <u32>line); return 1; }
      prev = 0;
      continue;
    }
    let p: usize = 0;
    let k: usize = 0;
    let labels = false;
    let bloom: u64 = 0;
    if (prev != 0) {
      let common: usize = 0;
      for (;;) {
        const m = v128.bitmask<i8>(v128.ne<i8>(
          v128.load(line + common), v128.load(prev + common)));
        if (m != 0) { common += ctz<i32>(m); break; }
        common += 16;
        if (common >= pValue) break;
      }
      if (common >= pValue) {
        p = line + pValue;
      } else if (pKind == 0 && common >= pInsert) {
        k = pLast;
        while (<usize>load<u32>(BND + (k << 2)) > common) k--;
        p = line + load<u32>(BND + (k << 2));
        bloom = load<u64>(BLOOM + (k << 3));
        labels = true;
      }
    }
    if (p == 0) {
      pName = nameLen(line, true);
      if (pName == 0 || pName > 1024 || first - 48 < 10) { store<u32>(RES, <u32>line); return 1; }
      p = line + pName;
      const c: u32 = load<u8>(p);
      if (c == OPEN) {
        p++;
        pInsert = pName + 1;
        if (load<u8>(p) == CLOSE) {
          if (load<u8>(p, 1) != SP) { store<u32>(RES, <u32>line); return 1; }
          pKind = 2;
          p += 2;
        } else {
          pKind = 0;
          labels = true;
          store<u32>(BND, <u32>(p - line));
          store<u64>(BLOOM, 0);
        }
      } else if (c == SP) {
        pInsert = pName;
        pKind = 1;
        p++;
      } else { store<u32>(RES, <u32>line); return 1; }
      sample(line, line, pName);
    } else if (!open) { // cannot be: a line between would have cleared prev
      sample(line, line, pName);
    }
    if (labels) {
      for (;;) {
        const name = p;
        const len = nameLen(p, false);
        p += len;
        if (len == 0 || isDigit(name) || load<u16>(p) != 0x223d) {
          store<u32>(RES, <u32>line); return 1;
        }
        // a name can only be a repetition if its bit is taken
        const key = (len < 8 ? load<u64>(name) & ((<u64>1 << (<u64>len << 3)) - 1) : load<u64>(name)) + len;
        const bit = <u64>1 << ((key * 0x9e3779b97f4a7c15) >> 58);
        let bad = false;
        if (bloom & bit) {
          for (let j: usize = 0; j < k; j++) {
            if (load<u32>(LLEN + (j << 2)) == <u32>len && same(line + <usize>load<u32>(LOFF + (j << 2)), name, len)) bad = true;
          }
        }
        bloom |= bit;
        store<u32>(LOFF + (k << 2), <u32>(name - line));
        store<u32>(LLEN + (k << 2), <u32>len);
        if (load<u8>(name) == 112) { // podname, podip
          if (len == 7 && load<u32>(name) == 0x6e646f70 && load<u32>(name, 3) == 0x656d616e) bad = true;
          if (len == 5 && load<u32>(name) == 0x69646f70 && load<u8>(name, 4) == 112) bad = true;
        }
        if (bad) { store<u32>(RES, <u32>line); return 1; }
        p += 2;
        for (;;) {
          const v = v128.load(p);
          const m = v128.bitmask<i8>(v128.or(v128.or(
            v128.eq<i8>(v, i8x16.splat(34)), v128.eq<i8>(v, i8x16.splat(92))),
            v128.eq<i8>(v, i8x16.splat(10))));
          if (m == 0) { p += 16; continue; }
          p += ctz<i32>(m);
          const c: u32 = load<u8>(p);
          if (c == QUOTE) break;
          const e: u32 = load<u8>(p, 1);
          if (c == LF || (e != BACKSLASH && e != QUOTE && e != 110)) {
            store<u32>(RES, <u32>line); return 1;
          }
          p += 2;
        }
        const after: u32 = load<u16>(p, 1);
        if (after == 0x207d) { pLast = k; p += 3; break; } // "} "
        if ((after & 0xff) != COMMA || k == 62) { store<u32>(RES, <u32>line); return 1; }
        p += 2;
        k++;
        store<u32>(BND + (k << 2), <u32>(p - line));
        store<u64>(BLOOM + (k << 3), bloom);
      }
    }
    const value = p;
    // digits up to the LF, or the long way
    const v = v128.load(p);
    const digits = v128.bitmask<i8>(v128.lt<u8>(v128.sub<i8>(v, i8x16.splat(48)), i8x16.splat(10)));
    p += ctz<i32>(~digits | 0x10000);
    if (p == value || load<u8>(p) != LF) {
      p = number(value);
      if (p != 0 && load<u8>(p) == SP) {
        p++;
        if (load<u8>(p) == 45) p++;
        if (!isDigit(p)) p = 0;
        else do p++; while (isDigit(p));
      }
      if (p == 0 || load<u8>(p) != LF) { store<u32>(RES, <u32>line); return 1; }
    }
    store<u32>(ins, <u32>(line + pInsert - base) | (pKind << 30));
    ins += 4;
    pos = p + 1;
    prev = usePrefix ? line : 0;
    pValue = value - line;
  }
  closeRun(pos);
  store<u32>(RES, <u32>pos);
  store<u32>(RES, <u32>((ins - insStart) >> 2), 4);
  store<u32>(RES, <u32>((nextRun - runsStart) / RUN), 8);
  return 0;
}

// Output. A job is 8 u32: base, from, to, insert table pointer, inserts, labels pointer.
// Labels: 3 x { pointer, length } by kind.
let job: usize = 0;
let jobEnd: usize = 0;
let from: usize = 0; // where the current job goes on, 0: not begun
let at: usize = 0; // next insert of the current job

export function jobs(ptr: usize, count: u32): void {
  job = ptr;
  jobEnd = ptr + (<usize>count << 5);
  from = 0;
}

/** Writes to [out, limit) (and up to 63 bytes behind); returns the bytes written; RES[0] = 1 when all is done. */
export function emit(out: usize, limit: usize): usize {
  let o = out;
  while (job < jobEnd) {
    const b = <usize>load<u32>(job);
    const to = b + load<u32>(job, 8);
    const table = <usize>load<u32>(job, 12);
    const n = <usize>load<u32>(job, 16) << 2;
    const lab = <usize>load<u32>(job, 20);
    let p = from;
    let i = at;
    if (p == 0) { p = b + load<u32>(job, 4); i = 0; }
    while (i < n) {
      const e = load<u32>(table + i);
      const cut = b + (e & 0x3fffffff);
      const l = lab + ((e >> 30) << 3);
      const len = <usize>load<u32>(l, 4);
      if (o + (cut - p) + len > limit) { from = p; at = i; store<u32>(RES, 0); return o - out; }
      copy(o, p, cut - p);
      o += cut - p;
      copy(o, load<u32>(l), len);
      o += len;
      p = cut;
      i += 4;
    }
    if (o + (to - p) > limit) { from = p; at = i; store<u32>(RES, 0); return o - out; }
    copy(o, p, to - p);
    o += to - p;
    from = 0;
    at = 0;
    job += 32;
  }
  store<u32>(RES, 1);
  return o - out;
}
