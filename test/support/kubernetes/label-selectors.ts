// Label selectors as texts, good and bad, and labels that tell them apart. The same ones at every call.
import * as fc from "fast-check";

type Labels = Readonly<Record<string, string>>;

const names = ["a", "b", "in", "notin", "x.example/a", "Long-Name_1.z"];
const values = [
  "",
  "1",
  "2",
  "10",
  "007",
  "in",
  "notin",
  "A",
  "a",
  "9223372036854775807",
  "9223372036854775808",
];

/** Pods with all kinds of sets of labels: none, each value of each name, and several. */
export function createLabelSets(): readonly Labels[] {
  const single = names.flatMap((name) => values.map((value) => ({ [name]: value })));
  const several = values.map((value, index) =>
    Object.fromEntries(
      names.map((name, other) => [name, values[(index + other * 3) % values.length] ?? value]),
    ),
  );
  return [{}, ...single, ...several];
}

/** Between semicolons with blanks. */
const written = [
  // Every operator, with and without blanks.
  "a ; !a ; a=1 ; a==1 ; a!=1 ; a in (1) ; a in (1,2) ; a notin (1) ; a notin (1,2) ; a>1 ; a<2",
  "a = 1 ; \t a=1\r\n ; a== 1 ; a !=1 ; ! a ; a in(1) ; a  in  ( 1 , 2 ) ; a\tnotin\r\n(1) ; a > 1 ; a< 10",
  "a\v=1 ; a\f ; a\u00a0=1 ; \u2003a ; a=\u20281 ; \ufeffa",
  // Several requirements.
  "a,b ; a=1,b=2 ; a=1, b!=2 ; !a,!b ; a,!b ; a in (1,2),b notin (10) ; a>1,a<10 ; a=1,a=2 ; a,a",
  "a=1,x.example/a ; x.example/a=A,in ; Long-Name_1.z in (,A),a!=",
  // Empty values.
  "a= ; a== ; a!= ; a=,b ; a!=,b=1 ; a in () ; a notin () ; a in ( ) ; a in ()b ; a in (),b ; a> ; a<,b",
  "a in (,) ; a in (,,) ; a in (,,,) ; a in (,,,,) ; a in (,1) ; a in (1,) ; a in (1,,) ; a in (1,,,)",
  "a in (1,,2) ; a in (1,,,2) ; a in (,,1) ; a in (,,,1) ; a in (,1,) ; a in (,1,,) ; a in (,,1,,)",
  "a notin (,) ; a notin (,,) ; a notin (1,) ; a notin (,1) ; a notin (1,,2) ; a notin (1,,)",
  // Commas between requirements.
  ", ; ,a ; a, ; a,,b ; ,, ; a=1, ; a=1,,b ; a in (1), ; ,a in (1) ; a, ,b ; a ,b",
  // Keywords as keys and values.
  "in ; notin ; !in ; !notin ; in=in ; in==notin ; in!=in ; in in (in) ; in in (in,notin) ; notin notin (notin)",
  "a=in ; a=notin ; a in (in) ; a notin (in,notin) ; in,notin ; in in ; in notin ; in in in ; in (1) ; notin (1)",
  "in>1 ; notin<2 ; a IN (1) ; a In (1) ; a NotIn (1) ; a not in (1) ; a exists ; a !in (1)",
  // Numbers.
  "a>0 ; a<0 ; a>007 ; a<0010 ; a>-1 ; a<-1 ; a>+1 ; a>1.5 ; a>1e3 ; a>0x1 ; a>1_0 ; a>a ; a>in",
  "a>9223372036854775806 ; a>9223372036854775807 ; a>9223372036854775808 ; a<9223372036854775807",
  `a>${"0".repeat(31)}1 ; a>${"0".repeat(62)}1 ; a>${"0".repeat(63)}1`,
  "a>=1 ; a<=1 ; a<>1 ; a><1 ; a>>1 ; a=>1 ; 1>a ; a>1>2 ; a>(1) ; a> 1 2",
  // What cannot follow what.
  "= ; == ; != ; ! ; !!a ; !! ; ( ; ) ; () ; (a) ; (a=1) ; > ; < ; >1 ; =1 ; !=1 ; in (1 ; ! =a",
  "a b ; a=1 b ; a=1 b=2 ; a=b=c ; a===1 ; a=!1 ; a!1 ; a! ; a!b ; a!==1 ; a! =1 ; a=(1) ; a=1) ; a=( ; a=)",
  "!a=1 ; !a!=1 ; !a in (1) ; !a>1 ; a in ; a notin ; a in 1 ; a in ( ; a in (1 ; a in 1) ; a in ) ; a in ((1))",
  "a in (1 2) ; a in (1) b ; a in (1)(2) ; a in (=) ; a in (!1) ; a in (a=1) ; a in (1>2) ; a in (1,2 ; a in (1,(2))",
  "a;b ; a=1;b=2 ; a=1&b=2 ; a||b ; a~1 ; a=* ; * ; a* ; a=\"1\" ; a='1' ; a:1 ; a=1# ; {a=1} ; a[1] ; a\\=1",
  // What no key or value is.
  "-a ; a- ; _a ; .a ; a. ; a=-1 ; a=1- ; a=_ ; a=. ; a=1/2 ; a/b/c ; /a ; a/ ; / ; X.example/a ; x_y/a",
  "x..y/a ; -x/a ; x-/a ; x.example/a=A ; x.example/-a ; é ; a=é ; a=\u0001 ; \u007f ; 🦊",
  `a${"b".repeat(62)} ; a${"b".repeat(63)} ; a=${"b".repeat(63)} ; a=${"b".repeat(64)} ; a in (${"b".repeat(64)})`,
  `${"b".repeat(63)}/a ; ${"b".repeat(64)}/a ; ${"b".repeat(253)}/a ; ${"b".repeat(254)}/a`,
].flatMap((line) => line.split(" ; "));

/** None twice, none blank: those select everything in Kubernetes, and are refused here. */
export function createSelectors({ generated }: { generated: number }): readonly string[] {
  const name = fc.constantFrom(...names);
  const value = fc.constantFrom(...values);
  const blank = fc.constantFrom("", "", " ");
  const list = fc.tuple(fc.array(fc.oneof(value, fc.constant("")), { maxLength: 5 }), blank);
  const requirement = fc.oneof(
    fc
      .tuple(name, blank, fc.constantFrom("=", "==", "!=", ">", "<"), blank, value)
      .map((parts) => parts.join("")),
    fc
      .tuple(name, fc.constantFrom(" in ", " notin ", " in", " notin"), list)
      .map(([key, operator, [items, after]]) => `${key}${operator}(${items.join(`,${after}`)})`),
    name,
    name.map((key) => `!${key}`),
  );
  const valid = fc.array(requirement, { minLength: 1, maxLength: 3 }).map((all) => all.join(","));
  const symbols = ["a", "b", "1", "in", "notin", "=", "==", "!=", "!", "(", ")", ",", ",", ">", "<", " "];
  const noise = fc
    .array(fc.constantFrom(...symbols), { minLength: 2, maxLength: 8 })
    .map((all) => all.join(""));
  const damaged = fc.tuple(valid, fc.nat(), fc.constantFrom("", ...symbols)).map(([text, at, symbol]) => {
    const index = at % text.length;
    return text.slice(0, index) + symbol + text.slice(index + 1);
  });
  const sample = fc.sample(fc.oneof(valid, noise, damaged), { numRuns: generated, seed: 5 });
  return [...new Set([...written, ...sample])].filter((text) => /[^ \t\r\n]/.test(text));
}
