import { expect, test } from "vitest";
import * as z from "zod";
import { flagOf, type Option, options } from "./options.ts";

const all = Object.values<Option>(options);

test("options have names of their own", () => {
  expect(new Set(all.map(({ env }) => env)).size).toBe(all.length);
  expect(flagOf(options.kubesdRequirePod)).toBe("--kubesd-require-pod");
  expect(flagOf(options.k8sNodejsPort)).toBe("--k8s-nodejs-port");
});

test.for(all)("$env has a default that its own kind reads, or none", (option) => {
  if (option.default !== undefined) expect(option.kind.schema.safeParse(option.default).success).toBe(true);
  expect(
    [option.required, option.default, option.unset].filter((way) => way !== undefined).length,
  ).toBeLessThan(2);
});

// The chart's values are checked by a schema that is made from the table.
test.for(all)("$env can be described as JSON schema", (option) => {
  expect(z.toJSONSchema(option.kind.schema, { io: "input" })).toMatchObject({ type: "string" });
});

test.for(all)("$env explains itself in whole sentences", ({ help }) => {
  expect(help).toMatch(/^[A-Za-z].*\.$/);
});
