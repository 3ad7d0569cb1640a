import { expect, test } from "vitest";
import { type Pod, readPod } from "../discovery/pod.ts";
import { containerOf, declaredPort } from "./port-container.ts";

const pod = readPod({
  metadata: { uid: "1", namespace: "a", name: "p" },
  spec: {
    initContainers: [{ name: "sidecar", restartPolicy: "Always" }],
    containers: [
      {
        name: "web",
        ports: [
          { name: "http", containerPort: 80 },
          { name: "dns", containerPort: 53, protocol: "UDP" },
        ],
      },
      { name: "mesh", ports: [{ name: "mesh", containerPort: 80 }, { containerPort: 15_090 }] },
    ],
  },
}) as Pod;
const single = { ...pod, containers: pod.containers.filter(({ name }) => name !== "mesh"), ports: [] };

test("declaredPort() finds the first declaration over TCP, of the containers named", () => {
  expect(declaredPort(pod, 80)?.name).toBe("http");
  expect(declaredPort(pod, 80, ["mesh"])?.name).toBe("mesh");
  expect(declaredPort(pod, 53)).toBeUndefined();
  expect(declaredPort(pod, 15_090, ["web"])).toBeUndefined();
});

test("containerOf() is the container that declares the port, else the only one beside sidecars", () => {
  const nameOf = (...args: Parameters<typeof containerOf>) => containerOf(...args)?.name;
  expect(nameOf(pod, 15_090)).toBe("mesh");
  expect(nameOf(pod, 80)).toBe("web");
  expect(nameOf(pod, 80, ["mesh"])).toBe("mesh");
  expect(nameOf(pod, 7)).toBeUndefined();
  expect(nameOf(single, 7)).toBe("web");
  expect(single.containers).toHaveLength(2);
});
