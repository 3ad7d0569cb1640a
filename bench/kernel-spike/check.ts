// Correctness: A, B and C against a naive reference, with random chunk cuts; bad lines refused by all.
import { createHash } from 'node:crypto';
import { Hybrid, Plain, Resident, Windowed, index, labelsOf, type Pod, type Segment, type Variant } from './variants.ts';
import { payloads, cut, random, podsOf } from './payloads.ts';

function run(v: Variant, bodies: Buffer[][], pods: Pod[]): { hash: string; irregular: number; samples: number; text: string } {
  v.clear();
  const segments: Segment[] = [];
  bodies.forEach((chunks, pod) => v.validate(chunks, pod, segments));
  if (v instanceof Resident) v.refresh(segments);
  const hash = createHash('sha1');
  let text = '';
  v.emit(index(segments), segments, pods, (b) => { hash.update(b); if (bodies.length < 4) text += b.latin1Slice(); });
  let samples = 0;
  for (const s of segments) for (let i = 0; i < s.runCount; i++) samples += s.runs[s.runsAt + i * 8 + 7]!;
  return { hash: hash.digest('hex'), irregular: segments.reduce((a, s) => a + s.irregular, 0), samples, text };
}

/** By strings and regular expressions, line by line. */
function reference(texts: string[], pods: Pod[]): string {
  const families = new Map<string, { head: string; headPod: number; lines: string }>();
  texts.forEach((text, pod) => {
    let family = '';
    let type = '';
    const get = (name: string) => {
      let f = families.get(name);
      if (f === undefined) families.set(name, f = { head: '', headPod: -1, lines: '' });
      return f;
    };
    for (const l of text.split('\n').slice(0, -1)) {
      const comment = /^# (HELP|TYPE) (\S+)[ \t]*(.*)$/.exec(l);
      if (comment) {
        if (comment[2] !== family) type = '';
        family = comment[2]!;
        if (comment[1] === 'TYPE') type = comment[3]!;
        const f = get(family);
        if (f.headPod < 0 || f.headPod === pod) { f.headPod = pod; f.head += l + '\n'; }
        continue;
      }
      const m = /^([a-zA-Z_:][\w:]*)[ \t]*(\{[ \t]*)?(\}?)/.exec(l);
      if (l.startsWith('#') || m === null) continue;
      const name = m[1]!;
      const suffixes = type === 'histogram' ? '(_sum|_count|_bucket)?' : type === 'summary' ? '(_sum|_count)?' : '';
      if (!family || !new RegExp(`^${family}${suffixes}$`).test(name)) { family = name; type = ''; }
      const L = labelsOf(pods[pod]!);
      const open = l.indexOf('{', name.length);
      const out = m[2] === undefined ? `${name}{${L}}${l.slice(name.length)}`
        : l.slice(0, open + 1) + (m[3] ? L : L + ',') + l.slice(open + 1);
      get(family).lines += out + '\n';
    }
  });
  return [...families.values()].map((f) => f.head + f.lines).join('');
}

const rnd = random(Number(process.argv[2] ?? 1));
const variants: [string, Variant][] = [];
for (const prefix of [false, true]) {
  for (const by of ['loop', 'set', 'copy', 'mixed'] as const) variants.push([`A ${prefix} ${by}`, new Plain(prefix, by)]);
  variants.push([`B ${prefix}`, new Resident(prefix)], [`C ${prefix}`, new Windowed(prefix)],
    [`D ${prefix}`, new Hybrid(prefix)]);
}
let failed = 0;
const odd = Buffer.from(`# just a comment
# HELP odd text with \\\\ and \\n in it
# TYPE odd  histogram
odd_bucket{ a = "b\\"c\\\\\\n" , le="+Inf" , } 1 123
odd_bucket{a="b",le="+Inf",} +Inf -5
odd_sum{} 0x
`.replace(' 0x', ' .5e-3') + `
odd_sum { } nan
odd_count  7
odd_count{podname="x",a="y"} 1
odd_count{podname="x",a="z"} 1
odd_count{podip="x"} 1
é`.slice(0, -1) + `other{a="${'x'.repeat(300)}é"} 1e5
other{a="${'x'.repeat(300)}é",bbbbbbbbbbbb="1",bbbbbbbbbbbbc="1"} 1e5
other{a="${'x'.repeat(300)}é",bbbbbbbbbbbb="1",bbbbbbbbbbbbc="2"} 1e5
odd_sum 2
odd 3
`);
for (const [name, body] of [...Object.entries(payloads), ['odd', odd] as const]) {
  for (let round = 0; round < (name === 'odd' ? 60 : 4); round++) {
    const pods = podsOf(3);
    const size = name === 'odd' ? 1 + Math.floor(rnd() * 700) : [65536, 65536, 5000, 1500][round]!;
    const bodies = pods.map(() => cut(body, size, rnd));
    const want = reference(pods.map(() => body.latin1Slice()), pods);
    for (const [v, variant] of variants) {
      const r = run(variant, bodies, pods);
      if (r.text !== want) {
        failed++;
        console.log('DIFFERENT', name, v, round, r.text.length, want.length);
        for (let i = 0; i < want.length; i++) if (want[i] !== r.text[i]) { console.log(want.slice(Math.max(0, i - 80), i + 80), '\n--- got\n', r.text.slice(Math.max(0, i - 80), i + 80)); break; }
      } else if (round === 0) console.log('same', name, v, `samples ${r.samples} irregular ${r.irregular}`);
    }
  }
}
const good = 'a_total{x="1",yyyyyyyyyyyyyyyyyyyyy="2"} 1\n';
const bad = ['a{x="1",x="2"} 1', 'a{yyyyyyyyyyyyyyyyyyyyyy="1",x="1",yyyyyyyyyyyyyyyyyyyyyy="2"} 1', 'a{x="1} 1', 'a{x="\\t"} 1', 'a{x="1"',
  'a{x=1} 1', 'a{x="1"} ', 'a{x="1"}', 'a{x="1"} 1 2 3', 'a{x="1"} 1.5.2', 'a{x="1"} 1e', 'a{x="1"} abc', 'a{x="1"} 1 1.5', '1a 2', 'a{1x="1"} 1',
  'a{x:y="1"} 1', 'a{,} 1', 'a{x="1",,y="2"} 1', 'a-b 1', 'a', '{x="1"} 1', 'a{x="1"}} 1', '# TYPE a wrong', '# HELP 9 x', 'a{x="\xff"} 1', 'a 0x1p3', 'a 1_000', 'a{x="1" y="2"} 1',
  'a_total{x="1",yyyyyyyyyyyyyyyyyyyyy="2",x="3"} 1', 'a_total{x="1",yyyyyyyyyyyyyyyyyyyyy="2"} 1x', 'a_total{x="1",yyyyyyyyyyyyyyyyyyyyy="2"}1'.replace('}1', '} +')];
for (const l of bad) {
  const body = Buffer.from(good + good + l + '\n' + good, 'latin1');
  for (const [v, variant] of variants) {
    let refused = false;
    try { variant.clear(); variant.validate(cut(body, 1 + Math.floor(rnd() * body.length), rnd), 0, []); } catch (e) { refused = (e as Error).constructor.name === 'Refused'; if (!refused) console.log(e); }
    if (!refused) { failed++; console.log('NOT REFUSED', v, l); }
  }
}
console.log(failed === 0 ? `all well; ${bad.length} bad lines refused by all` : `${failed} failures`);
process.exitCode = failed === 0 ? 0 : 1;
