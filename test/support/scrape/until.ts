// Waits for what has no event of its own: a peer's view of a connection, a counter of another task.
import { setTimeout } from "node:timers/promises";

/** Resolves as soon as the condition holds; rejects after `withinMs`. */
export async function until(condition: () => boolean, withinMs = 3000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > endMs)
      throw new Error(`Cannot go on: the condition did not come within ${withinMs} ms`);
    await setTimeout(2);
  }
}
