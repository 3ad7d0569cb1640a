import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { parsePodList } from "./parse-pod-list.ts";

const item = (name: string, more: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { uid: `uid-of-${name}`, namespace: "team-a", name, labels: { app: "web" } },
  status: { phase: "Running", podIP: "10.244.0.11" },
  ...more,
});
const list = (items: unknown, more: object = {}) => ({
  apiVersion: "v1",
  items,
  kind: "List",
  metadata: {},
  ...more,
});
const namesOf = async (text: string) => (await parsePodList(text)).map(({ name }) => name);

/** In YAML as kubectl prints it, in YAML of another layout, in JSON. */
const spellings = (value: unknown) => [
  stringify(value, { indentSeq: false, aliasDuplicateObjects: false }),
  stringify(value, { aliasDuplicateObjects: false }),
  JSON.stringify(value, null, 4),
  ` \r\n\t${JSON.stringify(value)}`,
];

describe("parsePodList()", () => {
  test("reads a List or PodList in YAML and JSON", async () => {
    const check = async (value: unknown, names: string[]) => {
      for (const text of spellings(value)) expect(await namesOf(text), text).toEqual(names);
    };
    await check(list([item("app-2"), item("app-1")]), ["app-2", "app-1"]);
    await check(list([]), []);
    await check(list([item("app-1", { apiVersion: undefined, kind: undefined })], { kind: "PodList" }), [
      "app-1",
    ]);
    await check(list([item("app-1")], { kind: "PodList" }), ["app-1"]);
    await check(list([item("app-1")], { metadata: { resourceVersion: "", continue: "" } }), ["app-1"]);
    await check(list([item("app-1")], { metadata: null }), ["app-1"]);
  });

  test("reads what kubectl prints", async () => {
    const yaml = [
      "apiVersion: v1",
      "items:",
      "- apiVersion: v1",
      "  kind: Pod",
      "  metadata:",
      "    annotations:",
      '      prometheus.io/port: "9090"',
      "      example.test/config: |",
      "        items:",
      "        - kind: Service",
      "    labels:",
      '      on: "yes"',
      '      version: "1.0"',
      "    name: app-1",
      "    namespace: team-a",
      "    uid: 11111111-2222-3333-4444-000000000001",
      "  spec:",
      "    containers:",
      "    - name: web",
      "      ports:",
      "      - containerPort: 8080",
      "        name: http",
      "        protocol: TCP",
      "    nodeName: node-1",
      "  status:",
      "    conditions:",
      "    - lastProbeTime: null",
      '      lastTransitionTime: "2026-01-01T00:00:00Z"',
      '      status: "True"',
      "      type: Ready",
      "    phase: Running",
      "    podIP: 10.244.0.11",
      "    podIPs:",
      "    - ip: 10.244.0.11",
      "    - ip: fd00:10:244::b",
      "kind: List",
      "metadata:",
      '  resourceVersion: ""',
      "",
    ];
    expect(await parsePodList(yaml.join("\n"))).toEqual([
      {
        uid: "11111111-2222-3333-4444-000000000001",
        namespace: "team-a",
        name: "app-1",
        ips: ["10.244.0.11", "fd00:10:244::b"],
        podIp: "10.244.0.11",
        hostIp: "",
        hostNetwork: false,
        startedMs: undefined,
        phase: "Running",
        readiness: "True",
        controller: undefined,
        nodeName: "node-1",
        labels: new Map([
          ["on", "yes"],
          ["version", "1.0"],
        ]),
        annotations: new Map([["prometheus.io/port", "9090"]]),
        ports: [{ container: "web", name: "http", port: 8080, protocol: "TCP" }],
        containers: [{ name: "web", image: "", id: "", init: false }],
      },
    ]);
    expect(await namesOf(yaml.join("\r\n"))).toEqual(["app-1"]);
  });

  test("refuses the whole list for one item that is no pod", async () => {
    const check = async (items: unknown[], message: string, more: object = {}) => {
      for (const text of spellings(list(items, more)))
        await expect(parsePodList(text), text).rejects.toThrow(message);
    };
    const good = item("app-1");
    await check([good, item("x", { kind: "Service" })], 'items[1] is not a pod: its kind is "Service"');
    await check([good, item("x", { kind: undefined })], "items[1] is not a pod: its kind is missing");
    await check([good, item("x", { kind: 1 })], "items[1] is not a pod: its kind is not a string");
    await check([item("x", { kind: "Service" })], 'items[0] is not a pod: its kind is "Service"', {
      kind: "PodList",
    });
    await check([good, null], "items[1] is not a pod: its kind is missing");
    await check([good, "pod"], "items[1] is not a pod: its kind is missing");
    await check([good, [good]], "items[1] is not a pod: its kind is missing");
    await check([null], "items[0] is not a usable pod: it is not an object", { kind: "PodList" });
    await check([good, { kind: "Pod" }], "items[1] is not a usable pod: metadata.uid is missing");
    await check(
      [good, item("x", { metadata: { uid: "u", name: "x" } })],
      "items[1] is not a usable pod: metadata.namespace is missing",
    );
    await check([good, item("app-2"), good], 'items[0] and items[2] have the same uid "uid-of-app-1"');
  });

  test("refuses what is not a complete list", async () => {
    const check = async (value: unknown, message: string) => {
      for (const text of spellings(value)) await expect(parsePodList(text), text).rejects.toThrow(message);
    };
    const items = [item("app-1")];
    await check(item("app-1"), 'its kind is "Pod", wanted is "List" or "PodList"');
    await check({ items }, 'its kind is missing, wanted is "List" or "PodList"');
    await check(list(items, { kind: "ServiceList" }), 'its kind is "ServiceList"');
    await check(list(items, { kind: ["List"] }), "its kind is not a string");
    await check(list(undefined), "its items are not a list");
    await check(list(null), "its items are not a list");
    await check(list("app-1"), "its items are not a list");
    await check(list({ 0: item("app-1") }), "its items are not a list");
    await check(list(items, { metadata: { continue: "token" } }), "it is one page of a longer list");
  });

  test("refuses text that is cut off anywhere", async () => {
    const whole = list([item("app-1"), item("app-2")], { metadata: undefined });
    const [yaml, , json] = spellings(whole);
    for (const text of [yaml!, json!]) {
      // Without the last character, a newline or brace, or the "t" of "List".
      for (let length = 0; length < text.trimEnd().length; length += 7) {
        await expect(parsePodList(text.slice(0, length)), text.slice(0, length)).rejects.toThrow(/./);
      }
    }
  });

  test("refuses text that is not one document", async () => {
    const check = async (text: string, message: RegExp) =>
      await expect(parsePodList(text), text).rejects.toThrow(message);
    const yaml = stringify(list([item("app-1")]));
    await check("", /its kind is missing/);
    await check(" \n", /its kind is missing/);
    await check("[]", /its kind is missing/);
    await check("null", /its kind is missing/);
    await check("<html>login</html>", /its kind is missing/);
    await check("{", /^it is not JSON: /);
    await check('{"kind":"List","items":[]}}', /^it is not JSON: /);
    for (const end of ["}", "\r\n}", "\u2028}"])
      await check(`{"kind": s3cret${end}`, /^it is not JSON: Unexpected token 's'$/);
    await check("a: b: c", /^the list is not YAML: /);
    await check(`${yaml}---\n${yaml}`, /^the list is not YAML: .*multiple documents/);
    await check(`${yaml}items: []\n`, /^the list is not YAML: .*unique/);
    await check("kind: List\nitems:\n  - kind: Pod\n b: 1\n", /its items are not a list/);
    await check(`${yaml}kind: List\n`, /^the list is not YAML: .*unique/);
    await check(
      yaml.replace("phase: Running", "phase: [Running"),
      /^items\[0\], which begins at line 3, is not YAML: /,
    );
    await check(yaml.replace("phase: Running", "phase: *unknown"), /^items\[0\], .* is not YAML: .*unknown/);
    await check("[".repeat(100_000), /^the list is not YAML: /);
    await check(`{"a":${"[".repeat(100_000)}`, /^it is not JSON: /);
  });

  test("refuses aliases that multiply", async () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (let level = 1; level < 8; level += 1) {
      const [name, nested] = ["abcdefgh"[level], "abcdefgh"[level - 1]];
      bomb.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${nested}`).join(",")}]`);
    }
    const started = performance.now();
    await expect(parsePodList(bomb.join("\n"))).rejects.toThrow(/^the list is not YAML: .*alias/);
    const inItem = `items:\n- ${bomb.join("\n  ")}\nkind: List\n`;
    await expect(parsePodList(inItem)).rejects.toThrow(/^items\[0\], .* is not YAML: .*alias/);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test("refuses YAML that cannot be taken in pieces when it is large", async () => {
    const text = `kind: List\nitems: [\n${" ".repeat(9 * 1024 * 1024)}]\n`;
    await expect(parsePodList(text)).rejects.toThrow(
      "the list has more than 8388608 characters of YAML in one piece, use JSON",
    );
  });

  test("lets other work go on between YAML items, and can be aborted there", async () => {
    const items = Array.from({ length: 20 }, (_, index) => item(`app-${index}`));
    const text = stringify(list(items));
    const stop = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
      if (turns === 2) stop.abort(new Error("stopped"));
    }, 0);
    await expect(
      (async () => {
        for (let time = 0; time < 1000; time += 1) await parsePodList(text, { signal: stop.signal });
      })(),
    ).rejects.toThrow("stopped");
    clearInterval(timer);
    expect(turns).toBeGreaterThanOrEqual(2);
  });
});
