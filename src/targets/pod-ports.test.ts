import { expect, test } from "vitest";
import { type Pod, readPod } from "../discovery/pod.ts";
import { isSeveralPorts, type PortChoice, portsOf } from "./pod-ports.ts";

type Port = { name?: string; containerPort: number; protocol?: string };

function pod(containers: Record<string, Port[]>, annotation?: string): Pod {
  const annotations = annotation === undefined ? {} : { "prometheus.io/port": annotation };
  return readPod({
    metadata: { uid: "1", namespace: "a", name: "p", annotations },
    spec: { containers: Object.entries(containers).map(([name, ports]) => ({ name, ports })) },
  }) as Pod;
}

const containers = {
  web: [
    { name: "http", containerPort: 8080 },
    { name: "metrics", containerPort: 9100 },
    { name: "dns", containerPort: 53, protocol: "UDP" },
  ],
  mesh: [
    { name: "http", containerPort: 15000 },
    { name: "metrics", containerPort: 15020 },
    { name: "mesh-metrics", containerPort: 15090 },
    { name: "metricsish", containerPort: 1 },
  ],
};
const choose = (of: Pod, o: Partial<PortChoice>) =>
  portsOf(of, { ports: [], containers: [], mode: "first", ...o }).map(({ number }) => number);

test("portsOf() takes the first port of a name, or every one", () => {
  const of = pod(containers);
  expect(choose(of, { ports: ["http"] })).toEqual([8080]);
  expect(choose(of, { ports: ["http"], mode: "every" })).toEqual([8080, 15000]);
  expect(choose(of, { ports: ["http", 7, "missing", 8080] })).toEqual([8080, 7]);
  expect(choose(of, { ports: ["dns", 53] })).toEqual([53]);
  expect(choose(of, { ports: ["dns"], mode: "every" })).toEqual([]);
});

test("portsOf() takes the ports that a pod names itself where the request names none", () => {
  expect(choose(pod(containers), {})).toEqual([9100]);
  expect(choose(pod(containers), { mode: "every" })).toEqual([9100, 15020, 15090]);
  expect(choose(pod(containers, "7000"), {})).toEqual([7000]);
  expect(choose(pod(containers, "7000"), { mode: "every" })).toEqual([7000]);
  expect(choose(pod(containers, ""), {})).toEqual([9100]);
  for (const annotation of ["http", "0", "70000", "80,81"]) {
    expect(choose(pod(containers, annotation), { mode: "every" }), annotation).toEqual([]);
  }
  expect(choose(pod({ web: [{ name: "http", containerPort: 1 }] }), { mode: "every" })).toEqual([]);
});

test("portsOf() takes ports of the containers named alone", () => {
  const of = pod(containers);
  const only = { containers: ["mesh"] };
  expect(choose(of, { ...only })).toEqual([15020]);
  expect(choose(of, { ...only, mode: "every" })).toEqual([15020, 15090]);
  expect(choose(of, { ...only, ports: ["http"] })).toEqual([15000]);
  expect(choose(of, { ...only, ports: [8080, 15090] })).toEqual([15090]);
  // Nobody declares it: ports are declared for information only.
  expect(choose(of, { ...only, ports: [7] })).toEqual([7]);
  const both = { containers: ["mesh", "web"] };
  expect(choose(of, { ...both, ports: ["metrics"] })).toEqual([9100, 15020]);
  expect(choose(of, { ...both })).toEqual([9100, 15020]);
  // The annotation is about another container's port.
  expect(choose(pod(containers, "8080"), { ...only })).toEqual([15020]);
  expect(choose(pod(containers, "15000"), { ...only })).toEqual([15000]);
  expect(choose(pod(containers, "x"), { ...only })).toEqual([]);
});

test("portsOf() tells the declaration by which a port was found", () => {
  const twice = pod({
    web: [
      { name: "http", containerPort: 80 },
      { name: "metrics", containerPort: 80 },
    ],
    mesh: [{ name: "admin", containerPort: 80 }],
  });
  const found = (o: Partial<PortChoice>) =>
    portsOf(twice, { ports: [], containers: [], mode: "every", ...o }).map(
      ({ number, declared }) => `${number} ${declared?.container} ${declared?.name}`,
    );
  expect(found({})).toEqual(["80 web metrics"]);
  expect(found({ ports: ["metrics"] })).toEqual(["80 web metrics"]);
  expect(found({ ports: [80] })).toEqual(["80 web http"]);
  expect(found({ ports: ["admin", 80] })).toEqual(["80 mesh admin"]);
  expect(found({ ports: [80], containers: ["mesh"] })).toEqual(["80 mesh admin"]);
  expect(found({ ports: [7] })).toEqual(["7 undefined undefined"]);
});

test("portsOf() wants the whole of a default name, and takes each name once of each container", () => {
  const ports = [
    { name: "xmetrics", containerPort: 1 },
    { name: "metrics-x", containerPort: 2 },
    { name: "metrics", containerPort: 3 },
    { name: "metrics", containerPort: 4 },
  ];
  expect(choose(pod({ web: ports }), {})).toEqual([3]);
  expect(choose(pod({ web: ports }), { mode: "every" })).toEqual([3, 4]);
  expect(choose(pod({ web: ports }), { containers: ["web"] })).toEqual([3]);
});

test("isSeveralPorts() says whether samples have to tell their port", () => {
  expect(isSeveralPorts({ ports: [], containers: [] })).toBe(false);
  expect(isSeveralPorts({ ports: [80], containers: ["web"] })).toBe(false);
  expect(isSeveralPorts({ ports: [80, 81], containers: [] })).toBe(true);
  expect(isSeveralPorts({ ports: [], containers: ["web", "mesh"] })).toBe(true);
});
