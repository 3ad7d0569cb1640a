// Lists whose answers no server should give; ordinary ones are in pod-watch.test.ts.
import { expect, test } from "vitest";
import { readPod } from "../pod.ts";
import { listPods } from "./list-pods.ts";
import { namespaceScope } from "./pod-scope.ts";

const page = (o: {
  count?: number;
  next?: string;
  resourceVersion?: unknown;
  items?: unknown;
  kind?: string;
}) => ({
  kind: o.kind ?? "PodList",
  metadata: { resourceVersion: "resourceVersion" in o ? o.resourceVersion : "7", continue: o.next },
  items:
    "items" in o
      ? o.items
      : Array.from({ length: o.count ?? 0 }, (_, i) => ({
          metadata: { uid: String(i), name: "a", namespace: "ns" },
        })),
});

async function list(answer: (request: number) => unknown) {
  let requests = 0;
  const listing = listPods({
    readPod,
    client: { getJson: () => Promise.resolve(answer(requests++)) },
    scope: namespaceScope("ns"),
    metrics: { listRequested: () => undefined },
    signal: new AbortController().signal,
  });
  return { ...(await listing), requests };
}

test("an empty list is a list, also where Go writes null", async () => {
  expect(await list(() => page({ items: null }))).toEqual({ pods: [], resourceVersion: "7", requests: 1 });
  expect(await list(() => page({}))).toMatchObject({ pods: [] });
});

test.for([
  page({ kind: "Status" }),
  page({ items: "x" }),
  page({ items: [null] }),
  page({ items: [{ metadata: { uid: "1", name: "a", namespace: "other" } }] }),
  page({ resourceVersion: undefined }),
  page({ resourceVersion: 7 }),
  null,
  [],
  "x",
])("%j is refused", async (document) => {
  await expect(list(() => document)).rejects.toMatchObject({ problem: "malformed" });
});

test("a list that does not end is given up, with pods or without", async () => {
  const endless = { problem: "too_large", limit: "api_pods" };
  await expect(list((request) => page({ next: String(request) }))).rejects.toMatchObject(endless);
  await expect(list((request) => page({ next: String(request), count: 500 }))).rejects.toMatchObject(endless);
});
