/** Every body that the fuzzer once found or was given, and a bounded number of new ones: `npm run fuzz` goes on for long. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { casesOf, findCaseProblem, fuzzCases } from "./support/fuzz-cases.ts";
import { readCorpus } from "./support/fuzz-corpus.ts";

const formats = ["text", "openmetrics"] as const;
const corpus = readCorpus();
const groups = Map.groupBy(corpus, ({ name, format }) =>
  name.startsWith("found-") ? name : `${name}.${format}`,
);

describe("the fuzz corpus", () => {
  test.each([...groups])("%s shows nothing", (_, bodies) => {
    for (const one of casesOf(bodies)) expect(findCaseProblem(one)).toBeUndefined();
  });

  test("shows nothing when each is merged with its neighbours", () => {
    for (const index of corpus.keys()) {
      const [first] = casesOf(corpus.slice(index, index + 4));
      expect(findCaseProblem(first!)).toBeUndefined();
    }
  });
});

test("random cases show nothing", () => {
  fc.assert(
    fc.property(fuzzCases(corpus, formats), (one) => {
      expect(findCaseProblem(one)).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});
