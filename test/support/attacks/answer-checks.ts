// Expectations about the answer: its status, head and body. One function each; undefined says that it holds.
import type { Expectations } from "./attack.ts";
import { type Check, type Observation, ofEachAnswer, show } from "./observation.ts";

type Value<Name extends keyof Expectations> = NonNullable<Expectations[Name]>;

// The catalogue's own override: what the original answers with 500 may be.
const originalRefusal = /METRICS_PATH_WHITELIST|CIDR_WHITELIST/u;

export const checkStatus: Check<readonly number[]> = ofEachAnswer((expected, { status, body }) => {
  if (expected.includes(status)) return undefined;
  const isRefusal = expected.some((one) => one === 400 || one === 403 || one === 404);
  if (status === 500 && isRefusal && originalRefusal.test(body)) return undefined;
  return `status ${status}, expected ${expected.join(", ")}: ${show(body)}`;
});

export const checkTime: Check<number> = ofEachAnswer((maxMs, { ms }) =>
  ms <= maxMs ? undefined : `took ${Math.round(ms)} ms, expected at most ${maxMs}`,
);

export const checkClosed: Check<true> = ofEachAnswer((_expected, { closed }) =>
  closed ? undefined : "the connection stayed open",
);

/** "" as the value: any. */
export const checkHeaders: Check<Value<"headerHas">> = ofEachAnswer((expected, { headers }) => {
  for (const [name, value] of Object.entries(expected)) {
    const got = headers.get(name.toLowerCase());
    if (got === undefined || !got.toLowerCase().includes(value.toLowerCase()))
      return `header ${name} is ${got === undefined ? "absent" : show(got)}, expected ${show(value)}`;
  }
  return undefined;
});

export const checkNoHeaders: Check<readonly string[]> = ofEachAnswer((names, { headers }) => {
  const found = names.find((name) => headers.has(name.toLowerCase()));
  return found === undefined ? undefined : `the answer has the header ${found}`;
});

export const checkBodyHas: Check<readonly string[]> = ofEachAnswer((texts, { body }) => {
  const missing = texts.find((text) => !body.includes(text));
  return missing === undefined ? undefined : `the body has no ${show(missing)}: ${show(body)}`;
});

export const checkBodyNot: Check<readonly string[]> = ofEachAnswer((texts, { body }) => {
  const found = texts.find((text) => body.includes(text));
  return found === undefined ? undefined : `the body has ${show(found)}`;
});

export const checkOnce: Check<readonly string[]> = ofEachAnswer((texts, { body }) => {
  const found = texts.find((text) => body.split(text).length > 2);
  return found === undefined ? undefined : `the body has ${show(found)} more than once`;
});

/** What differs from one scrape to the next even where nothing is wrong. */
const volatile = /^(?:k8s_prometheus_proxy_pod_scrape_duration_seconds\{.*\}) \S+$/gmu;

export const checkSecondRun: Check<true> = (_expected, { exchanges }) => {
  const [first, ...others] = exchanges.map(
    ({ status, body }) => `${status}\n${body.replaceAll(volatile, "")}`,
  );
  if (others.length === 0) return "the request was sent only once";
  const other = others.find((text) => text !== first);
  return other === undefined ? undefined : `the answers differ: ${show(first ?? "")} and ${show(other)}`;
};

const failureOf = (body: string, pod: string) =>
  new RegExp(`^k8s_prometheus_proxy_pod_scrape_failure\\{podname="${pod}",[^}]*\\} 1$`, "mu").test(body);

/**
 * Whether the answer says that the bad pod failed. A pod that failed is out whole. An answer that is itself a failure says
 * that all of its pods failed.
 */
export const checkFailureSignal: Check<Value<"failureSignal">> = ofEachAnswer(
  (expected, { status, body }, { attack }) => {
    const pod = attack.expect.badPod ?? "";
    // One pod alone has no meta-metric: its failure is the answer's status.
    if (attack.request.path.startsWith("/kubesd/"))
      return expected === true && status < 400 ? `status ${status} says nothing of a failure` : undefined;
    const failed = status !== 200 || failureOf(body, pod);
    if (expected === true && !failed) return `the answer does not say that ${pod} failed: ${show(body)}`;
    if (expected === false && failed) return `${pod} is said to have failed: ${show(body)}`;
    if (!failed || status !== 200) return undefined;
    const own = body
      .split("\n")
      .find((line) => !line.startsWith("k8s_prometheus_proxy_pod_") && line.includes(`podname="${pod}"`));
    return own === undefined ? undefined : `${pod} failed and is there all the same: ${show(own)}`;
  },
);

/** Whatever a pod does, all others are whole in a merged answer. */
export const checkOtherPods: Check<string> = ofEachAnswer((badPod, { status, body }, { attack }) => {
  if (status !== 200 || !attack.request.path.startsWith("/mproxy/team-a/app-/")) return undefined;
  const others = ["app-1", "app-2", "app-term", "app-host"].filter((name) => name !== badPod);
  const missing = others.find(
    (name) =>
      !new RegExp(`^up_demo\\{podname="${name}",podip="10[^"]*"\\} 1$`, "mu").test(body) ||
      !new RegExp(`^k8s_prometheus_proxy_pod_up\\{podname="${name}",[^}]*\\} 1$`, "mu").test(body),
  );
  return missing === undefined ? undefined : `${missing} is not whole: ${show(body)}`;
});

export function checkStart(expected: Value<"startup">, seen: Observation): string | undefined {
  const { refusedStart, attack } = seen;
  if (refusedStart === undefined) {
    const isElse = expected === "refuse-or-linear" || attack.expect.orRequest !== undefined;
    return isElse ? undefined : "the program started";
  }
  if (refusedStart.code === 0 || refusedStart.code === null) return `it ended with code ${refusedStart.code}`;
  const unnamed = Object.keys(attack.env ?? {}).find((name) => !refusedStart.stderr.includes(name));
  return unnamed === undefined ? undefined : `it did not name ${unnamed}: ${show(refusedStart.stderr)}`;
}
