// Resource versions as the API server counts them: the revision of its store, a decimal number that only grows. Texts of
// another form have no order here.

const decimal = /^(0|[1-9]\d*)$/;

/** -1, 0 or 1; undefined when one of them is no decimal number. */
export function compareResourceVersions(a: string, b: string): -1 | 0 | 1 | undefined {
  if (!decimal.test(a) || !decimal.test(b)) return undefined;
  // Beyond 2^53 too, and without making a number of each.
  if (a.length !== b.length) return a.length < b.length ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
