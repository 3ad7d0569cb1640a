// That the canaries see the real program and the real app at all: without this, silence would mean nothing. What they find is for
// test/canaries.test.ts.
import { afterAll, beforeAll, expect, test } from "vitest";

import { takeFindings } from "../support/canaries/watched-programs.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { startApp } from "../support/http/start-app.ts";
import { startProgram } from "../support/http/start-program.ts";
import { FakeKubernetesApi } from "../support/kubernetes/fake-api.ts";
import { smallPod } from "../support/kubernetes/pod-objects.ts";

const api = new FakeKubernetesApi();
let pods: FakePods;
beforeAll(async () => {
  pods = await FakePods.start([
    { name: "plain", http: answers("demo_info 1\n") },
    { name: "secret", http: ({ headers }, response) => void response.end(headers.authorization) },
  ]);
  await api.start();
  api.createPod(smallPod({ namespace: "team-a", name: "plain", ip: pods.get("plain").ip }));
});
afterAll(async () => {
  await pods.stop();
  await api.stop();
});

interface Started {
  readonly origin: string;
  stop(): Promise<unknown>;
}

const ways: [string, (env: Readonly<Record<string, string>>) => Promise<Started>][] = [
  ["the app", startApp],
  [
    "the program",
    async (env) => {
      const program = await startProgram({ env });
      return {
        origin: program.origin,
        async stop() {
          program.kill("SIGTERM");
          await program.exit;
        },
      };
    },
  ],
];

test.each(ways)("of %s they see clients, pods and the API server, and nothing wrong", async (_, start) => {
  const proxy = await start({ KUBERNETES_API_URL: api.url });
  const path = `/mproxy/team-a/plain/metrics?upstreamPort=${pods.port}`;
  expect(
    (await request(proxy.origin, path, { headers: { authorization: "Bearer nobody-knows" } })).status,
  ).toBe(200);
  await proxy.stop();
  expect(takeFindings()).toEqual({
    violations: [],
    seen: new Set(["the API server", "a pod", "a request", "an answer"]),
  });
});

test.each(ways)("of %s they see a secret that a pod has been given and shows", async (_, start) => {
  const proxy = await start({ PODS_FILE: pods.file, FORWARD_AUTHORIZATION: "true" });
  const path = `/kubesd/metrics?pod=${pods.get("secret").ip}&target_port=${pods.port}`;
  const { text } = await request(proxy.origin, path, { headers: { authorization: "Bearer nobody-knows" } });
  expect(text).toBe("Bearer nobody-knows");
  await proxy.stop();
  expect(takeFindings().violations).toEqual([
    expect.stringMatching(/a secret of the caller \(nobody-knows\) is in an answer$/u),
  ]);
});
