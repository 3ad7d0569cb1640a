// Finds timers that were set and neither fired nor were cleared: what has ended must leave none.
import { onTestFinished, vi } from "vitest";

/** Counts timers of at least `ms` that are set from here on and not cleared yet. */
export function watchLongTimers(ms: number): { readonly seen: number; readonly pending: number } {
  const set = vi.spyOn(globalThis, "setTimeout");
  const clear = vi.spyOn(globalThis, "clearTimeout");
  onTestFinished(() => {
    set.mockRestore();
    clear.mockRestore();
  });
  const timers = () => set.mock.results.filter((_, i) => Number(set.mock.calls[i]![1]) >= ms);
  return {
    get seen() {
      return timers().length;
    },
    get pending() {
      const cleared = new Set<unknown>(clear.mock.calls.map(([timer]) => timer));
      return timers().filter(({ value }) => !cleared.has(value)).length;
    },
  };
}
