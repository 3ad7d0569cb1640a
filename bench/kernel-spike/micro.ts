// What the border costs: an empty kernel call, copies in and out, growth, many memories, first use.
import { readFileSync } from 'node:fs';
import { Plain, Resident, Windowed, index, type Segment } from './variants.ts';
import { cut, payloads, podsOf, random } from './payloads.ts';

const median = (a: number[]): number => a.sort((x, y) => x - y)[a.length >> 1]!;
const time = (what: string, times: number, f: () => void): void => {
  const all: number[] = [];
  for (let r = 0; r < 31; r++) {
    const t = performance.now();
    for (let i = 0; i < times; i++) f();
    all.push((performance.now() - t) / times * 1e6);
  }
  console.log(`${what}: ${median(all).toFixed(0)} ns`);
};

const what = process.argv[2] ?? 'border';
if (what === 'border') {
  const module = new WebAssembly.Module(readFileSync('kernel.wasm'));
  const k = new WebAssembly.Instance(module, { env: { abort() {} } }).exports as any;
  k.memory.grow(64);
  const memory = Buffer.from(k.memory.buffer);
  const words = new Uint32Array(k.memory.buffer);
  const chunk = Buffer.allocUnsafeSlow(65536).fill('x');
  time('begin + validate of nothing', 1e5, () => { k.begin(65536, 32768, 40000); k.validate(65536, 65536, true); });
  time('copy 64 KiB in, the same Buffer', 1000, () => { chunk.copy(memory, 65536); });
  const many = Array.from({ length: 2000 }, () => Buffer.allocUnsafeSlow(65536).fill('x'));
  let m = 0;
  time('copy 64 KiB in, 128 MB of Buffers', 2000, () => { many[m++ % 2000]!.copy(memory, 65536); });
  time('copy 128 KiB out', 1000, () => { memory.copy(chunk, 0, 65536, 131072); memory.copy(chunk, 0, 131072, 196608); });
  for (const n of [16, 64, 200, 1000]) {
    time(`Buffer.copy of ${n} bytes`, 1e5, () => { chunk.copy(memory, 65536, 100, 100 + n); });
    time(`set(subarray) of ${n} bytes`, 1e5, () => { memory.set(chunk.subarray(100, 100 + n), 65536); });
    time(`byte loop of ${n} bytes`, 2e4, () => { for (let i = 100, w = 65536; i < 100 + n; i++) memory[w++] = chunk[i]!; });
  }
  time('slice of 400 u32', 1e4, () => { words.slice(8192, 8592); });
} else if (what === 'grow') {
  const memory = new WebAssembly.Memory({ initial: 16 });
  const views: ArrayBuffer[] = [memory.buffer];
  let t = performance.now();
  for (let i = 0; i < 1000; i++) memory.grow(16);
  console.log(`1000 growths of 1 MiB, untouched: ${((performance.now() - t) * 1000 / 1000).toFixed(1)} us each; old buffer has ${views[0]!.byteLength} bytes; rss ${process.memoryUsage.rss() / 1e6 | 0} MB`);
  t = performance.now();
  new Uint8Array(memory.buffer).fill(1);
  console.log(`touch 1 GB: ${(performance.now() - t).toFixed(0)} ms; rss ${process.memoryUsage.rss() / 1e6 | 0} MB`);
  try { memory.grow(65536); } catch (e) { console.log(`growth beyond 4 GiB: ${(e as Error).message}`); }
} else if (what === 'many') {
  const vsz = (): string => /VmSize:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]!;
  console.log(`VmSize before ${(+vsz() / 1e6).toFixed(1)} GB`);
  const all: WebAssembly.Memory[] = [];
  try {
    for (let i = 0; i < Number(process.argv[3] ?? 1000); i++) {
      all.push(new WebAssembly.Memory({ initial: 4, maximum: process.argv[4] ? Number(process.argv[4]) : 65536 }));
      if (i === 0 || i === 9 || i === 99) console.log(`${i + 1} memories: VmSize ${(+vsz() / 1e6).toFixed(1)} GB`);
    }
  } catch (e) { console.log(`after ${all.length}: ${(e as Error).message}`); }
  console.log(`${all.length} memories: VmSize ${(+vsz() / 1e6).toFixed(1)} GB, rss ${process.memoryUsage.rss() / 1e6 | 0} MB`);
} else { // first use: A, B, C in a process of their own
  const name = process.argv[3] ?? 'kube_apiserver';
  const t = performance.now();
  const v = what === 'A' ? new Plain(true, 'copy') : what === 'B' ? new Resident(true) : new Windowed(true);
  const made = performance.now() - t;
  const rnd = random(3);
  const bodies = podsOf(10).map(() => cut(payloads[name]!, 65536, rnd));
  const report: string[] = [];
  for (let round = 0; round < 8; round++) {
    v.clear();
    const t0 = performance.now();
    const segments: Segment[] = [];
    bodies.forEach((b, p) => v.validate(b, p, segments));
    if (v instanceof Resident) v.refresh(segments);
    v.emit(index(segments), segments, podsOf(10), () => {});
    report.push((performance.now() - t0).toFixed(1));
  }
  console.log(`${what} ${name}, 10 pods, from a cold process: make ${made.toFixed(1)} ms, then ${report.join(' ')} ms`);
}
