// Every status of the table in the documentation, and that a refusal dials nobody.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
const apps: RunningApp[] = [];

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "app-1", annotations: { "prometheus.io/port": "1" }, ports: { metrics: 0 } },
    { name: "app-2" },
    { name: "done-1", phase: "Succeeded" },
    { name: "pending-1", phase: "Pending" },
    { name: "outside-1", listedIp: "10.99.0.1" },
    { name: "outside-2", listedIp: "127.0.0.1" },
    { name: "app-9", namespace: "team-b" },
    { name: "secret-1", namespace: "kube-system" },
    { name: "stray", unlisted: true },
    { name: "named-1", ports: { web: 0 } },
    { name: "broken-1", http: (_request, response) => response.writeHead(500).end("<html>secret page") },
  ]);
});
afterAll(async () => {
  for (const app of apps) await app.stop();
  await pods.stop();
});

interface Case {
  readonly status: number;
  readonly text: RegExp;
}

function table(name: string, env: () => Record<string, string>, cases: Readonly<Record<string, Case>>): void {
  describe(name, () => {
    let app: RunningApp;
    beforeAll(async () => {
      app = await startApp({ PODS_FILE: pods.file, ...env() });
      apps.push(app);
    });
    for (const [target, { status, text }] of Object.entries(cases)) {
      test(`${status} ${target}`, async () => {
        const before = pods.accepted;
        const answer = await request(app.origin, withValues(target));
        expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(text)]);
        expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
        expect(answer.headers["cache-control"]).toBe("no-store");
        expect(answer.text).toMatch(/^Cannot [\x20-\x7e]+[^.]\n$/);
        expect(pods.accepted - before).toBe(0);
      });
    }
  });
}

/** `$port` is the common port of the pods, `$name` the address of the pod of that name. */
function withValues(target: string): string {
  return target.replaceAll(/\$([a-z0-9-]+)/g, (_match, name: string) =>
    name === "port" ? String(pods.port) : pods.get(name).ip,
  );
}

table("with the default configuration", () => ({}), {
  "/nothing": { status: 404, text: /Cannot find this path/ },
  "/metrics": { status: 404, text: /Cannot find this path/ },
  "/-/ready": { status: 404, text: /Cannot find this path/ },
  "/mproxy/": { status: 404, text: /\/mproxy\/<namespace>\/<pod name prefix>\/<metrics path>/ },
  "/mproxy/team-a/app-": { status: 404, text: /\/mproxy\/<namespace>/ },
  "/mproxy/team-a/app-/": { status: 404, text: /\/mproxy\/<namespace>/ },
  "/kubesd": { status: 404, text: /Cannot find this path/ },
  "/kubesd/?pod=$app-1&target_port=$port": { status: 404, text: /\/kubesd\/<metrics path>/ },
  "/KUBESD/metrics?pod=$app-1&target_port=$port": { status: 404, text: /Cannot find this path/ },
  "/kubesdx/metrics?pod=$app-1&target_port=$port": { status: 404, text: /Cannot find this path/ },

  "/mproxy/team-a//metrics?upstreamPort=$port": { status: 400, text: /empty segment/ },
  "/mproxy/team-a/app-/../metrics?upstreamPort=$port": { status: 400, text: /dots/ },
  "/mproxy/team-a/app-/metrics%3F?upstreamPort=$port": { status: 400, text: /character/ },
  "/mproxy/Team-A/app-/metrics?upstreamPort=$port": { status: 400, text: /namespace "Team-A"/ },
  "/mproxy/team-a/app*/metrics?upstreamPort=$port": { status: 400, text: /prefix/ },
  "/mproxy/team-a/-/metrics?upstreamPort=$port": { status: 400, text: /selector/ },
  "/mproxy/team-a/app-/metrics?upstreamPort=0": { status: 400, text: /port "0"/ },
  "/mproxy/team-a/app-/metrics?upstreamPort=99999": { status: 400, text: /port/ },
  "/mproxy/team-a/app-/metrics?upstreamPort": { status: 400, text: /upstreamPort/ },
  "/mproxy/team-a/app-/metrics?upstreamPort[]=$port": { status: 400, text: /upstreamPort/ },
  "/mproxy/team-a/app-/metrics?upstreamPort=$port&ssl=yes": { status: 400, text: /ssl/ },
  "/mproxy/team-a/app-/metrics?upstreamPort=$port&ssl=false&ssl=false": { status: 400, text: /ssl/ },
  "/mproxy/team-a/app-/metrics?upstreamPort=$port&ready=1": { status: 400, text: /ready/ },
  "/mproxy/team-a/app-/metrics?upstreamPort=$port&selector=a%3D%3D%3Db": { status: 400, text: /selector/i },
  "/mproxy/team-a/app-/metrics?upstreamPort=$port&x=%ff": { status: 400, text: /UTF-8/ },
  "/kubesd/metrics?target_port=$port": { status: 400, text: /pod is missing/ },
  "/kubesd/metrics?pod=localhost&target_port=$port": { status: 400, text: /"localhost"/ },
  "/kubesd/metrics?pod=127.20.0.01&target_port=$port": { status: 400, text: /canonical/ },
  "/kubesd/metrics?pod=%0d%0aFORGED&target_port=$port": { status: 400, text: /"\\u000d\\u000aFORGED"/ },
  "/kubesd/metrics?pod=$app-1": { status: 400, text: /target_port is missing/ },
  "/kubesd/metrics?pod=$app-1&target_port=http": { status: 400, text: /port "http"/ },
  "/kubesd/metrics?pod=$app-1&target_port=$port%40169.254.169.254": { status: 400, text: /port/ },
  "/kubesd/metrics?pod=$app-1&target_port=$port&target_scheme=ftp": { status: 400, text: /scheme "ftp"/ },
  "/kubesd/metrics?pod=$app-1&target_port=$port&target_scheme=HTTP": { status: 400, text: /scheme/ },
  "/kubesd/metrics?pod=$app-1&target_port=$port&target_uid=": { status: 400, text: /uid ""/ },
  "/kubesd/metrics?pod=$app-1&target_port=$port&target_uid=a%20b": { status: 400, text: /uid "a b"/ },
  "/kubesd/metrics?pod=$app-1&target_port=$port&target_uid=a&target_uid=b": { status: 400, text: /twice/ },
  "/kubesd/metrics?pod=$app-1&target_port=$port&target_uid=old": {
    status: 403,
    text: /another pod has it by now \(target_uid\)\n/,
  },
  "/kubesd/metrics?pod=$app-1&pod=$app-2&target_port=$port": { status: 400, text: /"pod" stands twice/ },

  "/mproxy/team-a/app-/admin?upstreamPort=$port": { status: 500, text: /METRICS_PATH_WHITELIST/ },
  "/kubesd/admin?pod=$app-1&target_port=$port": { status: 500, text: /METRICS_PATH_WHITELIST/ },
  "/kubesd/metrics/?pod=$app-1&target_port=$port": { status: 500, text: /METRICS_PATH_WHITELIST/ },
  "/kubesd/metrics?pod=10.99.0.1&target_port=$port": { status: 500, text: /CIDR_WHITELIST/ },
  "/kubesd/metrics?pod=127.0.0.1&target_port=$port": { status: 500, text: /CIDR_WHITELIST/ },
  "/kubesd/metrics?pod=169.254.169.254&target_port=80": { status: 500, text: /CIDR_WHITELIST/ },

  "/mproxy/team-a/none-/metrics?upstreamPort=$port": {
    status: 404,
    text: /running pod.*"none-": there is none\n/,
  },
  "/mproxy/nowhere/app-/metrics?upstreamPort=$port": { status: 404, text: /namespace "nowhere"/ },
  "/mproxy/team-a/done-/metrics?upstreamPort=$port": { status: 404, text: /there is none/ },
  "/mproxy/team-a/pending-/metrics?upstreamPort=$port": { status: 404, text: /there is none/ },
  "/mproxy/team-a/outside-/metrics?upstreamPort=$port": { status: 404, text: /CIDR_WHITELIST leaves out 2/ },
  "/mproxy/team-a/-/metrics?upstreamPort=$port&selector=a%3Db": { status: 404, text: /parameters/ },

  "/mproxy/team-a/app-2/metrics": { status: 502, text: /Cannot scrape the pod: no_port 1\n/ },
});

table(
  "with every restriction",
  () => ({
    NAMESPACE_WHITELIST: "team-a,team-b",
    PORT_WHITELIST: String(pods.port),
    KUBESD_REQUIRE_POD: "true",
    METRICS_PATH_MATCH: "full",
  }),
  {
    "/mproxy/kube-system/secret-/metrics?upstreamPort=$port": { status: 403, text: /NAMESPACE_WHITELIST/ },
    "/mproxy/team-a/app-/metrics?upstreamPort=22": { status: 403, text: /port 22: not on PORT_WHITELIST/ },
    "/mproxy/team-a/app-/metrics?upstreamPort=$port&upstreamPort=22": { status: 403, text: /PORT_WHITELIST/ },
    "/mproxy/team-a/app-1/metrics": { status: 502, text: /not_allowed 1/ },
    "/kubesd/metrics?pod=$app-1&target_port=22": { status: 403, text: /PORT_WHITELIST/ },
    "/kubesd/metrics?pod=$stray&target_port=$port": { status: 403, text: /KUBESD_REQUIRE_POD/ },
    "/kubesd/metrics?pod=$done-1&target_port=$port": { status: 403, text: /KUBESD_REQUIRE_POD/ },
    "/kubesd/metrics?pod=$secret-1&target_port=$port": { status: 403, text: /NAMESPACE_WHITELIST/ },
    // The first reason counts: malformed before forbidden, path before namespace.
    "/mproxy/kube-system/secret-/admin?upstreamPort=22": { status: 500, text: /METRICS_PATH_WHITELIST/ },
    "/mproxy/kube-system/secret-/admin?upstreamPort=x!": { status: 400, text: /port/ },
  },
);

test("a pod that answers another status is a 502 without a word of what it sent", async () => {
  const app = await startApp({ PODS_FILE: pods.file });
  apps.push(app);
  const answer = await request(app.origin, withValues("/mproxy/team-a/broken-/metrics?upstreamPort=$port"));
  expect([answer.status, answer.text]).toEqual([
    502,
    "Cannot scrape the pod: bad_status 1 (the pod answered 500)\n",
  ]);
});

test("the root tells name and version", async () => {
  const app = await startApp({ PODS_FILE: pods.file });
  apps.push(app);
  const answer = await request(app.origin, "/?x=1");
  expect([answer.status, JSON.parse(answer.text)]).toEqual([
    200,
    { message: "kubernetes prometheus proxy", version: "0.0.0-test" },
  ]);
});
