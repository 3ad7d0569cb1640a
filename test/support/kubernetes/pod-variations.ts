// What pods can differ in as far as labels of targets tell it: each list has what Kubernetes allows and what is likely to go wrong.

export type Entries = readonly (readonly [key: string, value: string])[];

/** Most run: the others are not listed by the proxy. */
const running = Array.from({ length: 6 }, () => "Running");
export const phases = [...running, "Pending", "Succeeded", "Failed", "Unknown"];

/** Of the condition; undefined: there is none. */
export const readiness = ["True", "True", "False", "Unknown", undefined] as const;

export const labelEntries: Entries = [
  ["app", "web"],
  ["App", "Web-1.x_Y"],
  ["app.kubernetes.io/name", "web"],
  ["app.kubernetes.io/part-of", "0"],
  ["1st", "2nd"],
  ["2", "3"],
  ["x", ""],
  ["team.example/Empty", ""],
  ["UPPER_lower-Mixed.dots", "UPPER_lower-Mixed.dots"],
  [`${"long-prefix.".repeat(20)}example/${"k".repeat(63)}`, "v".repeat(63)],
  ["a__proto__b", "a__b"],
  ["constructor", "toString"],
  ["hasOwnProperty", "true"],
  // These become the same name; so do the next three, of which one is empty.
  ["same/key-1", "slash"],
  ["same.key-1", "dot"],
  ["same_key_1", "underscore"],
  ["half.empty", ""],
  ["half-empty", "full"],
  ["half_empty", "fuller"],
];

export const annotationEntries: Entries = [
  ...labelEntries,
  ["prometheus.io/scrape", "true"],
  ["prometheus.io/port", "9100"],
  ["prometheus.io/port", "8443"],
  ["prometheus.io/path", "/metrics"],
  ["prometheus.io/scheme", "https"],
  ["prometheus.io/param_x", "a b&c=d"],
  // Unlike those of labels, their prefixes may be in upper case.
  ["Example.COM/Owner", "Ünï çødé 漢字 🦊 \u{10ffff}"],
  ["quotes", `"double" 'single' \`back\` \\ / \\n {"json":["x"]}`],
  ["lines", "one\ntwo\r\nthree\tfour\n"],
  ["controls", "\u0000\u0001\u001b[0m\u007f\u0085"],
  ["separators", "\u2028\u2029\ufeff\u200b\u202e"],
  ["decomposed", "e\u0301 \u00e9"],
  ["blank", " "],
  ["blanks", "  around  "],
  ["html", "<script>alert('&amp;')</script>"],
  ["percent", "%41%zz+%00"],
  ["comma", ",;,separator,;,"],
];

export const owners: readonly (readonly object[])[] = [
  [],
  [owner("apps/v1", "ReplicaSet", "web-5d4f8c7b9", true)],
  [owner("apps/v1", "ReplicaSet", "no-hash", true)],
  [owner("apps/v1", "StatefulSet", "db", true)],
  [owner("apps/v1", "DaemonSet", "agent.v2", true)],
  [owner("batch/v1", "Job", "nightly-28391234", true)],
  [owner("argoproj.io/v1alpha1", "Rollout", "canary", true)],
  [owner("crd.example/v1", "lowercaseKind", "Name_is-not.checked", true)],
  [owner("v1", "Node", "node-1", false)],
  [owner("apps/v1", "ReplicaSet", "not-the-controller", undefined)],
  [owner("v1", "ConfigMap", "first", false), owner("apps/v1", "StatefulSet", "second", true)],
  [owner("apps/v1", "StatefulSet", "first", undefined), owner("v1", "ConfigMap", "second", false)],
];

export const images = [
  "nginx",
  "nginx:1.27",
  "registry.example:5000/team/web:v1.0",
  `registry.example/web@sha256:${"0123456789abcdef".repeat(4)}`,
  `web:tag@sha256:${"fedcba9876543210".repeat(4)}`,
];

export const portNames = ["metrics", "http-metrics", "web", "a1", undefined, undefined];
export const protocols = ["TCP", "TCP", "TCP", undefined, "UDP", "SCTP"];
/** That only UDP has. */
export const udpPorts = [53, 5353, 10_000];

function owner(apiVersion: string, kind: string, name: string, controller: boolean | undefined): object {
  return { apiVersion, kind, name, controller, uid: `uid-of-${name}` };
}
