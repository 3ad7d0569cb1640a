import { describe, expect, test } from "vitest";
import { extraLabelList } from "./extra-labels.ts";

const { schema } = extraLabelList();

/** The names, or the reasons why there are none. */
function read(text: string): string {
  const result = schema.safeParse(text);
  if (!result.success) return result.error.issues.map(({ message }) => message).join("; ");
  return result.data.map(({ name }) => name).join();
}

describe("extraLabelList()", () => {
  const check = (text: string, expected: string) => {
    test(`reads ${text.slice(0, 60)}`, () => {
      expect(read(text)).toBe(expected);
    });
  };

  check("node, namespace ,container", "node,namespace,container");
  check("label:app", "app");
  check("label:app.kubernetes.io/name", "app_kubernetes_io_name");
  check("label:app.kubernetes.io/name=app", "app");
  check("label:A-b_C.d", "A_b_C_d");
  check("label:_x", "the key is not one that a label of a pod can have");
  check("label:app=_x9", "_x9");
  check(`label:${"a".repeat(63)}`, "a".repeat(63));
  check(`label:${"a.".repeat(126)}a/b=c`, "c");
  check("label:9a=nine", "nine");
  check("label:job=kubernetes_job", "kubernetes_job");
});

describe("extraLabelList() refuses", () => {
  const check = (text: string, reason: string) => {
    test(`${text.slice(0, 60)}: ${reason}`, () => {
      expect(read(text)).toContain(reason);
    });
  };

  for (const text of ["", ",node", "node,", "node,,container"]) check(text, "an empty item");
  for (const text of ["Node", "pod", "node=x", "label", "annotation:a", "namespace:a", "xlabel:a"])
    check(text, "neither namespace, node nor container, nor label:<key>");
  for (const key of [
    "",
    "-a",
    "a-",
    "a b",
    "ä",
    "a/",
    "/a",
    "a/b/c",
    "A.b/c",
    "a_b/c",
    "a..b/c",
    "a".repeat(64),
  ])
    check(`label:${key}`, "the key is not one");
  check(`label:${"a.".repeat(126)}aa/b`, "the key is not one");
  check("label:a=", "letters, digits and _");
  check("label:a=9a", "letters, digits and _");
  check("label:a=b-c", "letters, digits and _");
  check("label:a=b=c", "letters, digits and _");
  check("label:a=ä", "letters, digits and _");
  check("label:a=b\nc", "letters, digits and _");
  check("label:9a", "does not begin with a digit; choose another with label:9a=<name>");
  check("label:a=__b", "names that begin with __");
  check("label:a=__name__", "names that begin with __");
  check("label:job", "Prometheus sets job itself; choose another with label:job=<name>");
  check("label:instance", "Prometheus sets instance itself");
  check("label:a=le", "le tells the buckets");
  check("label:a=quantile", "quantile tells");
  check("label:reason", "reason tells why a pod failed");
  check("label:a=podname", "the proxy adds podname anyway");
  check("label:podip", "the proxy adds podip anyway");
  check("node,node", "a second label with the name node");
  check("label:a/b,label:a_b", "a second label with the name a_b");
  check("container,label:c=container", "a second label with the name container");
  test("more than 32 labels, once", () => {
    const labels = Array.from({ length: 40 }, (_, i) => `label:a${i}`);
    expect(read(labels.slice(0, 32).join())).toMatch(/a31$/);
    expect(read(labels.join())).toBe("at most 32 labels are added");
  });
});
