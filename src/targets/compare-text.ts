/** The order in which pods stand in answers: by UTF-16 code units, whatever the locale is. For sort(). */
export function compareText(a: string, b: string): -1 | 0 | 1 {
  return a === b ? 0 : a < b ? -1 : 1;
}
