// The payloads, as legal text 0.0.4, and pods made of them.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Pod } from './variants.ts';

const corpus = new URL('../../test/fixtures', import.meta.url).pathname;

/** OpenMetrics to text 0.0.4: no exemplars, no UNIT, no EOF, _created samples or types 0.0.4 lacks. */
function fromOpenMetrics(text: string): string {
  return text.split('\n').filter((l) => !/^# (UNIT|EOF)/.test(l))
    .map((l) => l.startsWith('#') ? l.replace(/^(# TYPE \S+) (unknown|info|stateset|gaugehistogram)$/, '$1 untyped').replace(/\\"/g, '"') : l.replace(/ # \{.*$/, ''))
    .join('\n');
}

export const payloads: Record<string, Buffer> = {
  node_exporter: readFileSync(`${corpus}/node_exporter.txt`),
  prometheus: Buffer.from(fromOpenMetrics(readFileSync(`${corpus}/prometheus.txt`, 'utf8'))),
  kube_apiserver: gunzipSync(readFileSync(`${corpus}/kube_apiserver.txt.gz`)),
};

export function random(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = s + 0x6d2b79f5 >>> 0;
    let t = Math.imul(s ^ s >>> 15, 1 | s);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

/** Distinct Buffers of `size` bytes, the first shorter, so that the cuts are anywhere. */
export function cut(body: Buffer, size: number, rnd: () => number): Buffer[] {
  const chunks: Buffer[] = [];
  let end = 1 + Math.floor(rnd() * size);
  for (let p = 0; p < body.length; p = end, end += size) {
    const to = Math.min(end, body.length);
    const chunk = Buffer.allocUnsafeSlow(to - p);
    body.copy(chunk, 0, p, to);
    chunks.push(chunk);
    end = to;
  }
  return chunks;
}

export function podsOf(n: number): Pod[] {
  return Array.from({ length: n }, (_, i) => ({ name: `apiserver-7d9c5b6f4-${(i * 7919 + 46656).toString(36).slice(-5)}x${i}`, ip: `10.42.${i >> 8}.${i & 255}` }));
}
