import { expect, test } from "vitest";
import { selectorMatches } from "../../../test/support/selector-matches.ts";
import { MalformedRequestError } from "../../targets/malformed-request-error.ts";
import { parseDiscoveryRequest } from "./discovery-request.ts";

const parse = (rawQuery: string) => parseDiscoveryRequest({ rawQuery });

test("parseDiscoveryRequest() reads every parameter", () => {
  const { namespaces, selection } = parse(
    "namespace=a,b&namespace=c&selector=app%3Dweb&prefix=web-&workload=deployment/web,job/x&container=c1&container=c2" +
      "&port=metrics,9100&path=/actuator/x&scheme=https&ready=true&annotated=true&shard=1/3",
  );
  expect(namespaces).toEqual(["a", "b", "c"]);
  const { filter, ...rest } = selection;
  expect(rest).toEqual({
    prefix: "web-",
    ports: ["metrics", 9100],
    path: "/actuator/x",
    tls: true,
    shard: { index: 1, count: 3 },
  });
  expect(filter).toMatchObject({
    workloads: ["deployment/web", "job/x"],
    containers: ["c1", "c2"],
    readyOnly: true,
    annotatedOnly: true,
  });
  expect(selectorMatches(filter.selector!, new Map([["app", "web"]]))).toBe(true);
});

test("parseDiscoveryRequest() takes nothing for all of it", () => {
  expect(parse("")).toEqual({
    namespaces: undefined,
    selection: {
      prefix: "",
      filter: { selector: undefined, workloads: [], containers: [], readyOnly: false, annotatedOnly: false },
      ports: [],
      path: undefined,
      tls: undefined,
      shard: undefined,
    },
  });
  expect(parse("namespace=*").namespaces).toBe("*");
  expect(parse("prefix=-").selection.prefix).toBe("");
  expect(parse("prefix=").selection.prefix).toBe("");
});

test("parseDiscoveryRequest() refuses what it cannot read, and parameters that it does not know", () => {
  const queries = [
    "namespace=",
    "namespace=a,",
    "namespace=a,*",
    "namespace=A",
    "namespace",
    "namespace[]=a",
    "selector=",
    "selector=a&selector=b",
    "prefix=Web",
    "workload=web",
    "container=C",
    "container=",
    "port=",
    "port=0",
    "port=1,2,3,4,5,6,7,8,9",
    "path=metrics",
    "path=/a?b",
    "scheme=ftp",
    "ready=yes",
    "annotated=1",
    "shard=2/2",
    "namepsace=a",
    "param.x=1",
    `namespace=${Array.from({ length: 101 }, (_, index) => `n${index}`).join(",")}`,
  ];
  for (const query of queries) expect(() => parse(query), query).toThrow(MalformedRequestError);
  expect(() => parse("namepsace=a")).toThrow(
    /^Cannot read request query: \/sd knows no parameter "namepsace", only annotated, /,
  );
});
