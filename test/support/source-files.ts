/** The program's own source, for tests that hold rules against all of it. */
import { readdirSync } from "node:fs";
import { resolve } from "node:path";

export const sourceFolder = resolve(import.meta.dirname, "../../src");

/** Relative to the folder, without tests. */
export const programFiles: readonly string[] = readdirSync(sourceFolder, {
  recursive: true,
  encoding: "utf8",
}).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));

export function stripComments(text: string): string {
  return text.replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");
}
