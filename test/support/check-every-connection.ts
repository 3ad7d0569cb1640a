// Part of every end-to-end test file: when its tests are over, nothing that the programs under test did towards the network may have been
// anything but what their settings allow, and no secret may have left them.
import { afterAll, expect } from "vitest";

import { startWatching, stopWatching, takeFindings } from "./canaries/watched-programs.ts";

startWatching();
afterAll(() => {
  try {
    expect(takeFindings().violations).toEqual([]);
  } finally {
    stopWatching();
  }
});
