import { expect, test } from "vitest";
import { createPodReader } from "./pod-reader.ts";

test("createPodReader() keeps the annotations that it is told to", () => {
  const read = createPodReader({ keepsAnnotation: (key) => key.startsWith("team/") });
  const annotations = { "team/owner": "x", other: "y", "prometheus.io/port": "1" };
  const pod = read({ metadata: { uid: "1", namespace: "a", name: "b", annotations } });
  expect("annotations" in pod && [...pod.annotations.keys()]).toEqual(["team/owner", "prometheus.io/port"]);
});

test("createPodReader() reads the same pods however many texts there are", () => {
  const read = createPodReader({ keepsAnnotation: () => true });
  const long = "x".repeat(1000);
  for (let index = 0; index < 60_000; index += 1) {
    const labels = { app: `app-${index}`, common: "value", long };
    const pod = read({ metadata: { uid: `${index}`, namespace: "a", name: `b-${index}`, labels } });
    if (index % 10_000 !== 0) continue;
    expect("labels" in pod && Object.fromEntries(pod.labels)).toEqual(labels);
  }
});
