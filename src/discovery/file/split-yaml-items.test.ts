import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { splitYamlItems } from "./split-yaml-items.ts";

const lines = (...text: string[]) => `${text.join("\n")}\n`;

describe("splitYamlItems()", () => {
  test("cuts the items out of the list", () => {
    const head = lines("apiVersion: v1", "items:");
    const [first, second] = [lines("- a: 1", "  b:", "  - c"), lines("- a: 2")];
    const tail = lines("kind: List", "metadata:", "  resourceVersion: ''");
    expect(splitYamlItems(head + first + second + tail)).toEqual({
      rest: head + tail,
      items: [
        { text: first, line: 3 },
        { text: second, line: 6 },
      ],
    });
  });

  test("takes every layout that YAML allows for block sequences", () => {
    const check = (text: string, items: string[], rest: string) => {
      const pieces = splitYamlItems(text);
      expect(pieces.items.map(({ text }) => text)).toEqual(items);
      expect(pieces.rest).toBe(rest);
    };
    check("items:\n  - a: 1\n  - a: 2\nkind: List\n", ["  - a: 1\n", "  - a: 2\n"], "items:\nkind: List\n");
    check("items: # all\n- a\n- b", ["- a\n", "- b"], "items: # all\n");
    check("items:\r\n- a\r\n-\r\n  b: 1\r\nx: 1\r\n", ["- a\r\n", "-\r\n  b: 1\r\n"], "items:\r\nx: 1\r\n");
    check("items:\n\n# x\n- a\n\n# y\n- b\n", ["- a\n\n# y\n", "- b\n"], "items:\n");
    check("items:\n- |\n  - x\n\n  y\n- b\n", ["- |\n  - x\n\n  y\n", "- b\n"], "items:\n");
    check("items:\n-\t- a\n", ["-\t- a\n"], "items:\n");
    check("---\nitems:\n- a\n---\nitems:\n- b\n", ["- a\n"], "---\nitems:\n---\nitems:\n- b\n");
    check("items:\n- a\n...\n", ["- a\n"], "items:\n...\n");
    check("items:\n- a\n-b\n", ["- a\n"], "items:\n-b\n");
  });

  test("leaves text of another shape whole", () => {
    const check = (text: string) => expect(splitYamlItems(text)).toEqual({ rest: text, items: [] });
    check("");
    check("kind: List\n");
    check("items: []\nkind: List\n");
    check("items: [a, b]\n");
    check("items:\nkind: List\n");
    check("items:\n  a: 1\n");
    check("items:");
    check("x:\n  items:\n  - a\n");
    check("- items:\n");
    check("spec: {\nx: 1}\n");
  });

  test("gives pieces that say what the whole text says", () => {
    const text = fc.oneof(
      fc.string({
        unit: fc.constantFrom("a", "-", " ", "\n", ":", "#", '"', "'", "|", "items:", "- ", "\t"),
      }),
      fc.string(),
    );
    const value = fc.oneof(text, fc.array(text), fc.dictionary(text, text), fc.constant(null));
    const options = fc.record({
      indentSeq: fc.boolean(),
      lineWidth: fc.constantFrom(0, 20, 80),
      blockQuote: fc.constantFrom(true, "folded" as const, "literal" as const),
    });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), text, options, (items, other, options) => {
        const yaml = stringify({ other, items, kind: "List" }, { ...options, aliasDuplicateObjects: false });
        const pieces = splitYamlItems(yaml);
        expect(parse(pieces.rest)).toEqual({ ...(parse(yaml) as object), items: null });
        expect(pieces.items.map(({ text }) => parse(text) as unknown)).toEqual(
          (parse(yaml) as { items: unknown[] }).items.map((item) => [item]),
        );
        for (const { line, text } of pieces.items)
          expect(yaml.split("\n")[line - 1]).toBe(text.split("\n")[0]);
      }),
      { numRuns: 300 },
    );
  });
});
