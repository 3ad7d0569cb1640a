// A parameter that names several things: repeated, with commas, or both. Never drops an empty item: it is somebody's mistake.

/** The distinct items of all values, as they came. */
export function splitList(values: readonly string[]): readonly string[] {
  return [...new Set(values.flatMap((value) => value.split(",")))];
}
