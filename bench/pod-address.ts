/** The loopback address of a benchmark pod. */
export function podAddress(index: number): string {
  return `127.77.${Math.floor(index / 250)}.${(index % 250) + 1}`;
}
