import { expect, test } from "vitest";
import { splitList } from "./split-list.ts";

test("splitList() gives the items of all values, each once, empty ones included", () => {
  expect(splitList([])).toEqual([]);
  expect(splitList(["a,b", "c", "b"])).toEqual(["a", "b", "c"]);
  expect(splitList(["a,,b"])).toEqual(["a", "", "b"]);
  expect(splitList([""])).toEqual([""]);
});
