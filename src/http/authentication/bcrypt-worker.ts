// The thread that bcrypt runs in: 60 ms of pure computing at cost 10 (a second at 14), which the event loop must not wait for.
// Keeps nothing, says nothing but yes or no.
import { parentPort } from "node:worker_threads";

import { compareSync } from "bcryptjs";

/** What the thread is asked. */
export interface BcryptQuestion {
  readonly password: string;
  readonly hash: string;
}

parentPort?.on("message", ({ password, hash }: BcryptQuestion) => {
  parentPort!.postMessage(compareSync(password, hash));
});
