import { describe, expect, test } from "vitest";
import { type LabelKind, LabelNames } from "./label-names.ts";

const reserved = ["podname", "podip", "größe", "x".repeat(70)];

/** Names as they stand on a line; those in quotes are taken as decoded text. */
function kindsOf(line: readonly string[], names = new LabelNames(reserved)): LabelKind[] {
  const bytes = Buffer.from(line.join(","));
  names.reset();
  let start = 0;
  return line.map((name) => {
    const end = start + Buffer.byteLength(name);
    const kind = name.startsWith('"') ? names.addText(name.slice(1, -1)) : names.addBytes(bytes, start, end);
    start = end + 1;
    return kind;
  });
}

const many = Array.from({ length: 100 }, (_, index) => `l${index}`);

describe("LabelNames", () => {
  const check = (line: string[], ...expected: LabelKind[]) => {
    test(`${line.join(" ").slice(0, 60)} is ${expected.join(" ").slice(0, 60)}`, () => {
      expect(kindsOf(line)).toEqual(expected);
    });
  };

  check(["a"], "ordinary");
  check(["a", "b", "aa", "ab"], "ordinary", "ordinary", "ordinary", "ordinary");
  check(["a", "a"], "ordinary", "duplicate");
  check(["aZ", "a"], "ordinary", "ordinary");
  check(["ab", "ac", "ab"], "ordinary", "ordinary", "duplicate");
  check(["a", '"a"'], "ordinary", "duplicate");
  check(['"a"', "a"], "ordinary", "duplicate");
  check(['"a"', '"a"'], "ordinary", "duplicate");
  check(['"a.b"', '"a.c"', '"a.b"'], "ordinary", "ordinary", "duplicate");
  check(["podname"], "reserved");
  check(['"podname"'], "reserved");
  check(["podip", "podname"], "reserved", "reserved");
  check(["podname", "podname"], "reserved", "duplicate");
  check(["podname", '"podname"'], "reserved", "duplicate");
  check(["podnam", "podnamf", "Podname"], "ordinary", "ordinary", "ordinary");
  check(['"größe"'], "reserved");
  check(["x".repeat(70)], "reserved");
  check(["y".repeat(70)], "ordinary");
  check([`"${"x".repeat(70)}"`], "reserved");
  check(["le", "quantile"], "le", "quantile");
  check(['"le"', '"quantile"'], "le", "quantile");
  check(["le", "le"], "le", "duplicate");
  check(["__name__"], "duplicate");
  check(['"__name__"'], "duplicate");
  check(['""'], "empty");
  check(many, ...many.map(() => "ordinary" as const));
  check([...many, "l0"], ...many.map(() => "ordinary" as const), "duplicate");
  check([...many, "l99"], ...many.map(() => "ordinary" as const), "duplicate");
  check([...many, '"l31"'], ...many.map(() => "ordinary" as const), "duplicate");
  check([...many, "podname"], ...many.map(() => "ordinary" as const), "reserved");

  test("forgets a line at reset()", () => {
    const names = new LabelNames(reserved);
    for (let round = 0; round < 3; round++) {
      expect(kindsOf(["a", '"b"', "podip"], names)).toEqual(["ordinary", "ordinary", "reserved"]);
      expect(kindsOf([...many, "b"], names)).not.toContain("duplicate");
    }
  });
});
