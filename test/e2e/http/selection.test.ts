// What `/mproxy` selects pods by beyond the name, and the labels that keep series apart where one request reaches several ports or
// namespaces.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods, textType } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
let app: RunningApp;
let second: Server;
let secondPort: number;

const ownedBy = (kind: string, name: string) => ({ controller: { kind, name } });

beforeAll(async () => {
  pods = await FakePods.start([
    {
      name: "web-6f-a",
      http: answers("own 1\n"),
      labels: { "pod-template-hash": "6f", generation: "12" },
      ports: { metrics: 0 },
      ...ownedBy("ReplicaSet", "web-6f"),
    },
    {
      name: "web-6f-b",
      http: answers('own{port="http"} 2\n'),
      labels: { "pod-template-hash": "6f", generation: "3" },
      annotations: { "prometheus.io/scrape": "true" },
      ports: { metrics: 0 },
      ...ownedBy("ReplicaSet", "web-6f"),
    },
    {
      name: "db-0",
      http: answers("own 3\n"),
      ...ownedBy("StatefulSet", "db"),
      moreContainers: { exporter: 7 },
    },
    { name: "db-0", namespace: "team-b", http: answers('own{namespace="x"} 4\n'), ports: { metrics: 0 } },
    {
      name: "tls-0",
      namespace: "team-c",
      annotations: { "prometheus.io/scheme": "https" },
      ports: { metrics: 0 },
    },
    {
      name: "ftp-0",
      namespace: "team-c",
      annotations: { "prometheus.io/scheme": "ftp" },
      ports: { metrics: 0 },
    },
  ]);
  // web-6f-a listens at a second port.
  second = createServer((_request, response) => {
    response.writeHead(200, { "content-type": textType });
    response.end("own 10\n");
  });
  second.listen(0, pods.get("web-6f-a").ip);
  await once(second, "listening");
  secondPort = (second.address() as AddressInfo).port;
  app = await startApp({ PODS_FILE: pods.file, EXTRA_LABELS: "container" });
});
afterAll(async () => {
  await app.stop();
  second.close();
  second.closeAllConnections();
  await pods.stop();
});

async function ownSamples(target: string): Promise<readonly string[]> {
  const { status, text } = await request(app.origin, target);
  expect(status, text).toBe(200);
  return [...samplesOf(text)]
    .filter(([name]) => name.startsWith("own"))
    .map(([name, value]) => `${name} ${value}`);
}

const valuesOf = async (target: string) =>
  (await ownSamples(target)).map((sample) => sample.slice(sample.lastIndexOf(" ") + 1));

test("/mproxy selects by workload, annotation, container and number labels", async () => {
  const any = `/mproxy/team-a/-/metrics?port=${pods.port}`;
  expect(await valuesOf(`${any}&workload=deployment/web`)).toEqual(["1", "2"]);
  expect(await valuesOf(`${any}&workload=replicaset/web-6f`)).toEqual(["1", "2"]);
  expect(await valuesOf(`${any}&workload=statefulset/db`)).toEqual(["3"]);
  expect(await valuesOf(`${any}&workload=statefulset/db,deployment/web`)).toEqual(["3", "1", "2"]);
  expect(await valuesOf(`${any}&annotated=true`)).toEqual(["2"]);
  expect(await valuesOf(`${any}&selector=generation%3E3`)).toEqual(["1"]);
  expect(await valuesOf(`/mproxy/team-a/db-/metrics?port=${pods.port}&container=exporter`)).toEqual(["3"]);
  const none = await request(app.origin, `${any}&workload=daemonset/web`);
  expect([none.status, none.text]).toEqual([
    404,
    'Cannot find a running pod in namespace "team-a" and the parameters of the request: there is none\n',
  ]);
  const bare = await request(app.origin, any);
  expect([bare.status, bare.text]).toEqual([
    400,
    'Cannot read pod name prefix "-": it needs one of the parameters "selector", "workload" and "annotated=true"\n',
  ]);
});

test("/mproxy tells ports apart where a request names several, also for pods that have one of them", async () => {
  const [a, b] = [pods.get("web-6f-a").ip, pods.get("web-6f-b").ip];
  const both = `/mproxy/team-a/web-/metrics?upstreamPort=${pods.port}&upstreamPort=${secondPort}`;
  const labels = (name: string, ip: string, port: number) =>
    `podname="${name}",podip="${ip}",port="${port}",container="main"`;
  expect(await ownSamples(both)).toEqual([
    `own{${labels("web-6f-a", a, pods.port)}} 1`,
    `own{${labels("web-6f-a", a, secondPort)}} 10`,
    `own{${labels("web-6f-b", b, pods.port)},exported_port="http"} 2`,
  ]);
  const { text } = await request(app.origin, both);
  expect(
    samplesOf(text).get(`k8s_prometheus_proxy_pod_up{podname="web-6f-a",podip="${a}",container="main"}`),
  ).toBe("1");
  // Nothing listens at the second port of the other one.
  expect(
    samplesOf(text).get(`k8s_prometheus_proxy_pod_up{podname="web-6f-b",podip="${b}",container="main"}`),
  ).toBe("0");
  // The same in another spelling.
  expect(await ownSamples(`/mproxy/team-a/web-/metrics?port=metrics,${secondPort}`)).toEqual(
    await ownSamples(both),
  );
  // One port only: no label, and the pod's own stays as it is.
  expect(await ownSamples(`/mproxy/team-a/web-6f-b/metrics?port=${pods.port}`)).toEqual([
    `own{podname="web-6f-b",podip="${b}",container="main",port="http"} 2`,
  ]);
});

test("/mproxy tells namespaces apart where a request names several", async () => {
  const expected = [
    `own{podname="db-0",podip="127.20.0.3",namespace="team-a"} 3`,
    `own{podname="db-0",podip="127.20.0.4",namespace="team-b",container="main",exported_namespace="x"} 4`,
  ];
  expect(await ownSamples(`/mproxy/team-a,team-b/db-/metrics?port=${pods.port}`)).toEqual(expected);
  expect(await ownSamples(`/mproxy/*/db-/metrics?port=${pods.port}`)).toEqual(expected);
  // As Prometheus can write it in a path.
  expect(await ownSamples(`/mproxy/-/db-/metrics?port=${pods.port}`)).toEqual(expected);
  expect(await ownSamples(`/mproxy/team-b/db-/metrics?port=${pods.port}`)).toEqual([
    `own{podname="db-0",podip="127.20.0.4",container="main",namespace="x"} 4`,
  ]);
  const { text } = await request(app.origin, `/mproxy/team-a,team-b/db-/metrics?port=${pods.port}`);
  expect([...samplesOf(text).keys()]).toContain(
    'k8s_prometheus_proxy_pod_up{podname="db-0",podip="127.20.0.4",namespace="team-b",container="main"}',
  );
  const none = await request(app.origin, "/mproxy/team-a,team-b/x/metrics?port=1");
  expect([none.status, none.text]).toEqual([
    404,
    'Cannot find a running pod in any of 2 namespaces with a name that begins with "x": there is none\n',
  ]);
});

test("/mproxy follows prometheus.io/scheme where the port comes from the pod and the request says nothing", async () => {
  const failures = async (query: string) => {
    const answer = await request(app.origin, `/mproxy/team-c/-/metrics?selector=!x${query}`);
    const [ftp, tls] = ["ftp-0", "tls-0"].map((name) => {
      const sample = [...samplesOf(answer.text).keys()].find(
        (key) => key.includes("_scrape_failure{") && key.includes(name),
      );
      return /reason="(\w+)"/.exec(sample ?? "")?.[1];
    });
    return { status: answer.status, text: answer.text, ftp, tls };
  };
  // Both speak http: one is asked for https, the other not at all.
  const own = await failures("");
  expect([own.status, own.text]).toEqual([502, "Cannot scrape any of 2 pods: not_allowed 1, tls 1\n"]);
  expect(await failures("&ssl=false")).toMatchObject({ status: 200, ftp: undefined, tls: undefined });
  expect(await failures(`&port=${pods.port}`)).toMatchObject({ status: 200, ftp: undefined, tls: undefined });
});
