// One thread for bcrypt, started when it is first needed. One question at a time; does not keep the program from ending.
import { once } from "node:events";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import type { BcryptQuestion } from "./bcrypt-worker.ts";

/** The source as it is in tests, JavaScript as it is built. */
const workerFile = new URL(`./bcrypt-worker${extname(import.meta.filename)}`, import.meta.url);

export class BcryptThread {
  #worker: Worker | undefined;
  /** Settles, never with an error, when the question before is answered. */
  #previous: Promise<unknown> = Promise.resolve();

  /** Whether the password is that of the hash. Rejects when the thread dies; the next question starts another one. */
  compare(question: BcryptQuestion): Promise<boolean> {
    const answer = this.#previous.then(() => this.#ask(question));
    this.#previous = answer.catch(() => undefined);
    return answer;
  }

  /** The question that is being answered is rejected; one after it starts another thread. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  async #ask(question: BcryptQuestion): Promise<boolean> {
    const worker = (this.#worker ??= this.#start());
    const settled = new AbortController();
    const { signal } = settled;
    const died = once(worker, "exit", { signal }).then(() => {
      throw new Error("Cannot check a password: the thread for bcrypt has ended");
    });
    try {
      // A thread waits for questions as a listener waits for clients: only an open question may hold the program.
      worker.ref();
      const answered = once(worker, "message", { signal });
      worker.postMessage(question);
      const [matches] = (await Promise.race([answered, died])) as [boolean];
      return matches;
    } finally {
      settled.abort();
      died.catch(() => undefined);
      worker.unref();
    }
  }

  #start(): Worker {
    const worker = new Worker(workerFile, { name: "bcrypt", env: {}, execArgv: [], resourceLimits });
    // Also at an error, which comes before the end: the next question must not go to a thread that is ending.
    const forget = () => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    worker.on("error", forget);
    worker.once("exit", forget);
    return worker;
  }
}

/** It needs 5 MiB. */
const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8 };
