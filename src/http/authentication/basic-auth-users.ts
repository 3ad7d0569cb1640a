// Users and passwords of WEB_CONFIG_FILE (basic_auth_users): is this pair good? bcrypt is slow by design, so pairs that were good
// are remembered, without the password, and few are checked at a time. Unknown users cost what known ones cost.
import { createHmac, randomBytes } from "node:crypto";

import { BcryptThread } from "./bcrypt-thread.ts";
import type { BcryptQuestion } from "./bcrypt-worker.ts";

/** Of one user several: bcrypt looks at the first 72 bytes of a password only. */
const maxVerifiedPairs = 1000;

/** One runs and the others wait, 2 s for the last of them at cost 10: beyond that nobody would be there for the answer. */
const maxChecks = 32;

export interface BasicAuthUsersOptions {
  /** Default: bcrypt in a thread of its own, one check at a time. */
  readonly bcrypt?: Pick<BcryptThread, "compare" | "close">;
  /** Random by default. */
  readonly key?: Buffer;
}

export class BasicAuthUsers {
  readonly #bcrypt: Pick<BcryptThread, "compare" | "close">;
  /** Of this process alone: who reads its memory dump learns no password that others may use. */
  readonly #key: Buffer;
  #users: ReadonlyMap<string, string> = new Map();
  #isRequired = false;
  #hashes: readonly string[] = [];
  /** Digests of good pairs, the oldest first, and their users. */
  readonly #verified = new Map<string, string>();
  /** Checks that run or wait, by the digest of the pair: many requests of one scraper are one check. */
  readonly #checks = new Map<string, Promise<boolean>>();

  constructor({ bcrypt = new BcryptThread(), key = randomBytes(32) }: BasicAuthUsersOptions = {}) {
    this.#bcrypt = bcrypt;
    this.#key = key;
  }

  /** There are users, or there were: who takes the last one away, by mistake or not, lets nobody in, and not everybody. */
  get isRequired(): boolean {
    return this.#isRequired;
  }

  /** Replaces all users (name to bcrypt hash). What was verified stays so for users whose hash is the same. */
  use(users: ReadonlyMap<string, string>): void {
    for (const [digest, user] of this.#verified) {
      if (users.get(user) !== this.#users.get(user)) this.#verified.delete(digest);
    }
    this.#users = users;
    this.#isRequired ||= users.size > 0;
    this.#hashes = [...users.values()];
  }

  /**
   * Whether there is such a user with this password; "busy" when too many checks wait already, which says nothing about the
   * pair. Rejects when bcrypt cannot run.
   */
  async verify(user: string, password: string): Promise<boolean | "busy"> {
    if (this.#hashes.length === 0) return false;
    const own = this.#users.get(user);
    // Of the hashes that there are, so that the costs of unknown users are spread like those of known ones, and always the same
    // for one name.
    const hash = own ?? this.#hashes[this.#digest(user).readUInt32BE() % this.#hashes.length]!;
    const pair = this.#digest(user, hash, password).toString("base64");
    if (this.#verified.has(pair)) return true;
    let check = this.#checks.get(pair);
    if (check === undefined) {
      if (this.#checks.size >= maxChecks) return "busy";
      check = this.#bcrypt.compare({ password, hash } satisfies BcryptQuestion);
      this.#checks.set(pair, check);
      const forget = () => void this.#checks.delete(pair);
      check.then(forget, forget);
    }
    const matches = await check;
    // bcrypt repeats the password with a NUL between: "a" and "a\0a" have one hash.
    const good = matches && own !== undefined && !password.includes("\0");
    // The file may have changed meanwhile.
    if (!good || this.#users.get(user) !== own) return false;
    this.#remember(pair, user);
    return true;
  }

  /** Ends the thread. */
  close(): Promise<void> {
    return this.#bcrypt.close();
  }

  #remember(pair: string, user: string): void {
    this.#verified.set(pair, user);
    for (const oldest of this.#verified.keys()) {
      if (this.#verified.size <= maxVerifiedPairs) break;
      this.#verified.delete(oldest);
    }
  }

  /** Each part with its length, so that no two lists of parts are one text. */
  #digest(...parts: string[]): Buffer {
    const hmac = createHmac("sha256", this.#key);
    for (const part of parts) hmac.update(`${part.length}:`).update(part, "utf8");
    return hmac.digest();
  }
}
