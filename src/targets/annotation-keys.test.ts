import { expect, test } from "vitest";
import { AnnotationKeys } from "./annotation-keys.ts";

test("AnnotationKeys match whole keys", () => {
  const keys = new AnnotationKeys(String.raw`prometheus\.io/.*|team`);
  for (const key of ["prometheus.io/port", "prometheus.io/", "team"]) {
    expect(keys.matches(key)).toBe(true);
    expect(keys.matches(key)).toBe(true);
  }
  for (const key of ["", "x.prometheus.io/port", "prometheusXio/port", "teams"]) {
    expect(keys.matches(key)).toBe(false);
    expect(keys.matches(key)).toBe(false);
  }
});

test("AnnotationKeys of no pattern match nothing, those of .* everything", () => {
  expect(new AnnotationKeys("").matches("")).toBe(false);
  expect(new AnnotationKeys("").matches("a")).toBe(false);
  expect(new AnnotationKeys(".*").matches("a/b")).toBe(true);
});

test("AnnotationKeys answer for any number of keys", () => {
  const keys = new AnnotationKeys("a[0-9]*[02468]");
  for (let index = 0; index < 25_000; index += 1) expect(keys.matches(`a${index}`)).toBe(index % 2 === 0);
});
