// Request targets that a guard might read in two ways, or take long over: valid ones with a few changes, the known tricks, bytes at
// random, and all of it up to the longest that a request can be. All of them follow from the seed of `Choices`.
import type { Choices } from "../kubernetes/choices.ts";

export interface Subjects {
  /** Addresses and ports that pods have, allowed or not, and some that none has. */
  readonly addresses: readonly string[];
  readonly ports: readonly number[];
  readonly namespaces: readonly string[];
  /** Metrics paths, allowed or not. */
  readonly paths: readonly string[];
  /** Uids of pods. */
  readonly uids: readonly string[];
}

/** No target of a request that Node.js reads can be longer. */
const maxTargetLength = 16_000;

/** Pieces that mean something to some parser of URLs, paths, addresses or queries. */
const tricks: readonly string[] = [
  ..."/ \\ . % ? # & = ; : @ [ ] { } < > \" ' ` | ^ ~ + , * ( ) ! $ .. ../ ./ // /./ %2e %2E%2e %252e %2f %5c %00 %0d%0a %20 %23".split(
    " ",
  ),
  ..."%3f %26 %3d %c0%ae %c0%af %ff %e2%80%ae %ef%bc%8f %u002f % %2 %zz ..; ;x=1 .%00 %09 %E2%80%8B http:// @10.9.9.9 #x".split(
    " ",
  ),
  ..."?pod=10.9.9.9 &pod= &target_port=22 [] [0] __proto__ constructor \u00e2\u0080\u00ae \u00ef\u00bb\u00bf \u00c3\u00a9".split(
    " ",
  ),
  " ",
  "\t",
  "\r\n",
  "\u0000",
  "\u007f",
  "\u0080",
  "\u00ff",
  "\r\nHost: x\r\n",
  " HTTP/1.1\r\n\r\n",
];

/** What stands in the first parameter of `/kubesd`, in a request that may otherwise be in order. */
export function podTarget(choices: Choices, subjects: Subjects): string {
  const path = rarely(choices, 8) ? changed(choices, choices.of(subjects.paths)) : subjects.paths[0]!;
  const pod = addressText(choices, subjects);
  const port = rarely(choices, 6) ? portText(choices, subjects) : String(choices.of(subjects.ports));
  const others = [
    `target_port=${port}`,
    ...(rarely(choices, 4) ? [`target_scheme=${choices.of(["http", "https", "ftp", "HTTP"])}`] : []),
    ...(rarely(choices, 6) ? [`target_uid=${choices.of(subjects.uids)}`] : []),
    ...(rarely(choices, 6) ? [`x=${changed(choices, "y")}`] : []),
    ...(rarely(choices, 20) ? [`pod=${choices.of(subjects.addresses)}`] : []),
  ];
  const query = rarely(choices, 3) ? [...others, `pod=${pod}`] : [`pod=${pod}`, ...others];
  return `/kubesd${path}?${query.join("&")}`.slice(0, maxTargetLength);
}

/** The path of `/kubesd` or `/mproxy`, in a request that may otherwise be in order. */
export function pathTarget(choices: Choices, subjects: Subjects): string {
  const path = pathText(choices, subjects);
  const port = choices.of(subjects.ports);
  if (choices.below(2) === 0)
    return `/kubesd${path}?pod=${choices.of(subjects.addresses)}&target_port=${port}`.slice(
      0,
      maxTargetLength,
    );
  const namespace = rarely(choices, 5)
    ? changed(choices, choices.of(subjects.namespaces))
    : choices.of(subjects.namespaces);
  const prefix = rarely(choices, 5) ? changed(choices, "app-") : choices.of(["app-", "app-1", "node-"]);
  const query = rarely(choices, 10) ? `?${queryText(choices)}` : `?upstreamPort=${port}`;
  return `/mproxy/${namespace}/${prefix}${path}${query}`.slice(0, maxTargetLength);
}

/** `/sd` and `/mproxy` with parameters that say which pods are meant, and take long to read if anything does. */
export function selectingTarget(choices: Choices, subjects: Subjects): string {
  const namespace = choices.of(subjects.namespaces);
  if (choices.below(10) === 0)
    return `/mproxy/${namespace}/-${subjects.paths[0]}?upstreamPort=9100&selector=app&include=${patternText(choices)}`;
  const query = queryText(choices);
  return choices.below(2) === 0
    ? `/sd?namespace=${namespace}&${query}`.slice(0, maxTargetLength)
    : `/mproxy/${namespace}/-${subjects.paths[0]}?${query}`.slice(0, maxTargetLength);
}

function addressText(choices: Choices, { addresses }: Subjects): string {
  const address = choices.of(addresses);
  switch (choices.below(6)) {
    case 0:
      return address;
    case 1:
      return changed(choices, address);
    case 2:
      return choices.of(otherSpellings(address));
    case 3:
      return changed(choices, choices.of(otherSpellings(address)));
    case 4:
      return noise(choices);
    default:
      return long(choices, [address, "1.", ":", "0", "%31", "[", ",", "::", "ffff:", "+", "0x"]);
  }
}

function pathText(choices: Choices, { paths }: Subjects): string {
  const path = choices.of(paths);
  switch (choices.below(10)) {
    case 0:
      return path;
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      return changed(choices, path);
    case 6:
    case 7:
      return `${path}${choices.of(["", "/"])}${choices.of(tricks)}${choices.of(paths)}`;
    case 8:
      return `/${noise(choices)}`;
    default:
      return long(choices, [path, "/", "/a", "a", "aa", ".", "/.", "-", "%2e", "/metrics/", "metrics", "b"]);
  }
}

function portText(choices: Choices, { ports }: Subjects): string {
  const port = choices.of(ports);
  const others = [`0${port}`, `+${port}`, `-${port}`, `${port}.0`, `0x${port.toString(16)}`, `${port}e0`];
  return choices.below(2) === 0 ? choices.of(others) : changed(choices, String(port));
}

const selectors = [
  "app=web",
  "app in (web,db)",
  "!canary",
  "a.b/c notin (d)",
  "tier>1",
  "app==web,tier!=db",
  "x,y,z",
] as const;

function queryText(choices: Choices): string {
  const names = ["selector", "workload", "container", "port", "namespace", "include", "exclude", "prefix"];
  const more = ["path", "shard", "scheme", "ready", "x"];
  const count = choices.below(4) === 0 ? choices.below(100) : 1 + choices.below(3);
  const pairs = Array.from({ length: count }, () => {
    const name = rarely(choices, 10)
      ? changed(choices, choices.of(names))
      : choices.of(rarely(choices, 4) ? more : names);
    const isPattern = (name === "include" || name === "exclude") && choices.below(2) === 0;
    return `${name}=${isPattern ? patternText(choices) : valueText(choices)}`;
  });
  return pairs.join("&");
}

/** What a compiler of patterns may take long for, up to what is taken and a little more. */
function patternText(choices: Choices): string {
  const pieces = ["[^a]", "[!-\uffff]", "\\W", "\\pL", "[[:^alpha:]]", ".*", "a?", "(a|b)+", "(?:", "|", "x"];
  const piece = choices.of(pieces) + (choices.below(2) === 0 ? choices.of(pieces) : "");
  const length = choices.of([10, 100, 400, 590, 610]);
  const text = piece.repeat(Math.max(1, Math.floor(length / piece.length)));
  return encodeURIComponent(choices.of(["", "", "(?i)", "(?s)", "(?is)"]) + text);
}

function valueText(choices: Choices): string {
  const value = choices.of<string>([
    ...selectors,
    "deployment/web",
    "main",
    "9100,9101",
    "team-a,team-b",
    "a.*b",
  ]);
  switch (choices.below(5)) {
    case 0:
      return encodeURIComponent(value);
    case 1:
      return changed(choices, encodeURIComponent(value));
    case 2:
      return noise(choices);
    case 3:
      return `${encodeURIComponent(value)}${choices.of([",", "%2C", "%2c"])}`.repeat(1 + choices.below(500));
    default:
      return long(choices, [
        "a",
        ",",
        "(",
        ")",
        "!",
        "=",
        "%2C",
        "%28",
        "a=b,",
        "a%20in%20(",
        ".",
        "-",
        "/",
        "*",
        "%7C",
      ]);
  }
}

/** Zero to three small changes. */
function changed(choices: Choices, text: string): string {
  let result = text;
  for (let left = choices.below(4); left > 0; left--) {
    const at = choices.below(result.length + 1);
    const before = result.slice(0, at);
    const after = result.slice(at);
    switch (choices.below(6)) {
      case 0:
        result = before + choices.of(tricks) + after;
        break;
      case 1:
        result = before + after.slice(1);
        break;
      case 2:
        result = before + choices.of(tricks) + after.slice(1);
        break;
      case 3:
        result = after === "" ? before : before + escaped(after[0]!) + after.slice(1);
        break;
      case 4:
        result = before + after.slice(0, 1).repeat(2) + after.slice(1);
        break;
      default:
        result = before + after.slice(0, 1).toUpperCase() + after.slice(1);
    }
  }
  return result;
}

function escaped(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

/** Bytes at random: any, printable ones, or escapes. */
function noise(choices: Choices): string {
  const length = choices.below(40);
  const kind = choices.below(3);
  return Array.from({ length }, () => {
    if (kind === 0) return String.fromCharCode(choices.below(256));
    if (kind === 1) return String.fromCharCode(0x21 + choices.below(0x5e));
    return escaped(String.fromCharCode(choices.below(256)));
  }).join("");
}

/** One or two pieces over and over, now and then with something else at its end. */
function long(choices: Choices, pieces: readonly string[]): string {
  const piece = choices.of(pieces) + (choices.below(2) === 0 ? choices.of(pieces) : "");
  // Most near the limits of a path (2048) and of a query (8192), where a guard reads the most.
  const length = choices.of([300, 500, 2000, 2040, 2040, 8000, 8150, 15_000]) + choices.below(40);
  const text = piece.repeat(Math.ceil(length / piece.length)).slice(0, length);
  return choices.below(2) === 0 ? text : text + choices.of(tricks);
}

/** What other parsers take for the same address, or for one inside. */
function otherSpellings(address: string): readonly string[] {
  if (address.includes(":")) {
    const long = address.replace("::", ":0:0:");
    return [
      `[${address}]`,
      address.toUpperCase(),
      `${address}%25eth0`,
      `${address}%eth0`,
      long,
      `0${address}`,
    ];
  }
  const parts = address.split(".").map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = number.toString(16).padStart(8, "0");
  return [
    String(number),
    `0x${hex}`,
    `0${number.toString(8)}`,
    parts.map((part) => `0${part.toString(8)}`).join("."),
    parts.map((part) => `0x${part.toString(16)}`).join("."),
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    parts.map((part) => String(part).padStart(3, "0")).join("."),
    `${a + 256}.${b}.${c}.${d}`,
    `${address}.`,
    `.${address}`,
    `::ffff:${address}`,
    `::ffff:${hex.slice(0, 4)}:${hex.slice(4)}`,
    `::${address}`,
    `64:ff9b::${address}`,
    `[${address}]`,
    `${address}:80`,
    `${address}/32`,
    `${address}%2F`,
    `http://${address}/`,
    `user@${address}`,
    `${address}%00`,
    `${address}%0d%0a`,
    ` ${address}`,
    `%20${address}`,
    `${address}+`,
    `+${address}`,
    address.replaceAll(".", "%2e"),
    address.replaceAll(".", "\u3002"),
    address.replaceAll(".", "%E3%80%82"),
    address.replaceAll(/[0-9]/g, (digit) => `%EF%BC%9${digit}`),
    `${address},10.9.9.9`,
    `${address}&pod=10.9.9.9`,
    `${address}.nip.io`,
    "localhost",
    "kubernetes.default.svc",
  ];
}

function rarely(choices: Choices, oneIn: number): boolean {
  return choices.below(oneIn) === 0;
}
