// node bench.ts [rounds] [pods]: medians in MB/s of input bytes, variants interleaved.
// node bench.ts rss A|AP|B|C|D|none: peak RSS with 100 pods of kube_apiserver, chunks made as they are read.
import { Hybrid, Plain, Resident, Windowed, index, wasmBytes, BLOCK, type Family, type Segment, type Variant } from './variants.ts';
import { cut, payloads, podsOf, random } from './payloads.ts';

const median = (a: number[]): number => a.sort((x, y) => x - y)[a.length >> 1]!;

if (process.argv[2] === 'rss') {
  const which = process.argv[3]!;
  const n = Number(process.argv[4] ?? 100);
  const variant = which === 'A' ? new Plain(true, 'mixed') : which === 'B' ? new Resident(true) : which === 'C' ? new Windowed(true) : which === 'D' ? new Hybrid(true) : undefined;
  const rnd = random(1);
  const body = payloads.kube_apiserver!;
  const pods = podsOf(n);
  const before = process.memoryUsage().rss;
  let out = 0;
  for (let round = 0; round < 3; round++) {
    let segments: Segment[] = [];
    variant?.clear();
    for (let pod = 0; pod < n; pod++) {
      // chunk by chunk, as they come from a socket
      const chunks = (function* () {
        let end = 1 + Math.floor(rnd() * 65536);
        for (let p = 0; p < body.length; p = end, end += 65536) {
          const to = Math.min(end, body.length);
          const chunk = Buffer.allocUnsafeSlow(to - p);
          body.copy(chunk, 0, p, to);
          yield chunk;
          end = to;
        }
      })();
      if (variant) variant.validate(chunks, pod, segments);
      else for (const _ of chunks);
      await new Promise(setImmediate);
    }
    if (variant instanceof Resident) variant.refresh(segments);
    if (variant) variant.emit(index(segments), segments, pods, (b) => { out += b.length; });
    segments = [];
    if (round === 2) { await new Promise((r) => setTimeout(r, 200)); (globalThis as any).gc?.(); await new Promise((r) => setTimeout(r, 500)); }
    console.log(which, `round ${round} rss now ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB, arrayBuffers ${(process.memoryUsage().arrayBuffers / 1e6).toFixed(0)} MB`);
  }
  console.log(which, `input ${(n * body.length / 1e6).toFixed(0)} MB x3, out ${(out / 1e6).toFixed(0)} MB; rss before ${(before / 1e6).toFixed(0)} MB, peak ${(process.resourceUsage().maxRSS * 1024 / 1e6).toFixed(0)} MB`);
} else {
  const rounds = Number(process.argv[2] ?? 9);
  const n = Number(process.argv[3] ?? 100);
  const only = process.argv[4];
  const variants = ([
    ['A plain, loop', new Plain(false, 'loop')],
    ['A set', new Plain(false, 'set')],
    ['A copy', new Plain(false, 'copy')],
    ['A prefix copy', new Plain(true, 'copy')],
    ['A mixed<=128', new Plain(false, 'mixed')],
    ['A prefix mixed<=64', new Plain(true, 'mixed64')],
    ['A prefix mixed', new Plain(true, 'mixed')],
    ['B', new Resident(false)],
    ['B prefix', new Resident(true)],
    ['C', new Windowed(false)],
    ['C prefix', new Windowed(true)],
    ['D prefix (C+A copy)', new Hybrid(true)],
  ] as [string, Variant][]).filter(([name]) => name.startsWith(process.env.ONLY ?? (process.env.MATCH ? '-' : '')) || new RegExp(process.env.MATCH ?? '^$').test(name));
  console.log(`node ${process.version}, ${n} pods, ${rounds} rounds, blocks of ${BLOCK / 1024} KiB, kernel.wasm ${wasmBytes} bytes`);
  for (const [name, body] of Object.entries(payloads)) {
    if (only && !name.includes(only)) continue;
    const rnd = random(7);
    const pods = podsOf(n);
    const bodies = pods.map(() => cut(body, 65536, rnd));
    const mb = body.length * n / 1e6;
    const target = Buffer.allocUnsafeSlow(65536).fill(1);
    const times = new Map<string, number[][]>();
    let outBytes = 0;
    const out = (b: Buffer): void => { outBytes += b.length; };
    let irregular = 0;
    let lines = 0;
    const inner = Math.max(1, Math.round(20 / mb)); // short payloads: several times a round
    for (let round = -2; round < rounds; round++) {
      const order = variants.map((v) => v);
      for (let i = 0; i < round; i++) order.push(order.shift()!);
      {
        const t = performance.now();
        for (let i = 0; i < inner; i++) for (const chunks of bodies) for (const c of chunks) c.copy(target, 0);
        const dt = (performance.now() - t) / inner;
        if (round >= 0) (times.get('floor') ?? times.set('floor', [[], [], [], []]).get('floor')!)[0]!.push(dt);
      }
      for (const [label, v] of order) {
        const sum = [0, 0, 0, 0];
        for (let i = 0; i < inner; i++) {
          v.clear();
          const t0 = performance.now();
          const segments: Segment[] = [];
          for (let p = 0; p < bodies.length; p++) v.validate(bodies[p]!, p, segments);
          if (v instanceof Resident) v.refresh(segments);
          const t1 = performance.now();
          const families: Family[] = index(segments);
          const t2 = performance.now();
          outBytes = 0;
          v.emit(families, segments, pods, out);
          const t3 = performance.now();
          sum[0]! += t1 - t0; sum[1]! += t2 - t1; sum[2]! += t3 - t2; sum[3]! += t3 - t0;
          irregular = 0; lines = 0;
          for (const s of segments) { irregular += s.irregular; for (let k = 0; k < s.runCount; k++) lines += s.runs[s.runsAt + k * 8 + 7]!; }
        }
        if (round < 0) continue;
        let t = times.get(label);
        if (!t) times.set(label, t = [[], [], [], []]);
        sum.forEach((x, k) => t[k]!.push(x / inner));
      }
    }
    console.log(`\n${name}: ${body.length} bytes x ${n} = ${mb.toFixed(1)} MB, out ${(outBytes / 1e6).toFixed(1)} MB, ${lines / n} samples a pod, irregular ${irregular}`);
    const floor = mb / median(times.get('floor')![0]!) * 1e3;
    console.log(`  floor: memcpy ${floor.toFixed(0)} MB/s`);
    const base = median((times.get('A prefix copy') ?? [...times.values()][1]!)[3]!);
    for (const [label] of variants) {
      const m = times.get(label)!.map(median);
      const rate = (t: number): string => (mb / t * 1e3).toFixed(0).padStart(6);
      console.log(`  ${label.padEnd(20)} validate ${rate(m[0]!)}  index ${rate(m[1]!)}  inject ${rate(m[2]!)} (out ${(outBytes / 1e3 / m[2]!).toFixed(0).padStart(5)})  total ${rate(m[3]!)} MB/s  ${m[3]!.toFixed(1).padStart(7)} ms  x${(base / m[3]!).toFixed(2)}`);
    }
  }
}
