// Debian's own archive as this machine reaches it: the suite that the machine runs, and `sid`. Package lists are fetched
// at the first use of a suite, into scratch space; the system's apt learns nothing of it.

import { join } from "node:path";
import { findArchives, type Archive } from "./apt-sources.ts";
import { PrivateApt } from "./private-apt.ts";

interface OpenSuite {
  readonly archive: Archive;
  readonly apt: PrivateApt;
}

export class DebianArchive {
  readonly #folder: string;
  readonly #suite: string;
  #stable: OpenSuite | undefined;
  #sid: PrivateApt | undefined;
  #sources: PrivateApt | undefined;

  /** `folder` is scratch space, which its owner removes; `suite` is the code name of what the machine runs. */
  constructor(folder: string, suite: string) {
    this.#folder = folder;
    this.#suite = suite;
  }

  stable(): PrivateApt {
    this.#stable ??= this.#openStable();
    return this.#stable.apt;
  }

  sid(): PrivateApt {
    this.#sid ??= this.#openSid();
    return this.#sid;
  }

  /** The sources of `stable()`: asked of the same archive, whether or not the machine's apt has them. */
  stableSources(): PrivateApt {
    this.#stable ??= this.#openStable();
    const folder = join(this.#folder, `${this.#suite}-sources`);
    this.#sources ??= PrivateApt.open(folder, this.#stable.archive, this.#suite, "deb-src");
    return this.#sources;
  }

  #openStable(): OpenSuite {
    const problems: string[] = [];
    for (const [index, archive] of findArchives(this.#suite).entries()) {
      try {
        const apt = PrivateApt.open(join(this.#folder, `${this.#suite}-${index}`), archive, this.#suite);
        if (apt.isDebian()) {
          return { archive, apt };
        }
        problems.push(`"${archive.uri}" is not Debian's`);
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
    const why = problems.join("; ") || "apt has no source for it";
    throw new Error(`Cannot find Debian's "${this.#suite} main": ${why}`);
  }

  #openSid(): PrivateApt {
    this.#stable ??= this.#openStable();
    const { archive, apt } = this.#stable;
    try {
      return PrivateApt.open(join(this.#folder, "sid"), archive, "sid");
    } catch (error) {
      // sid is signed with newer keys than an old machine may know. The suite of the machine, verified with the keys
      // that it has, carries them in a package.
      console.log(`${(error as Error).message}\nTrying again with the keys of debian-archive-keyring`);
      const tree = join(this.#folder, "keyring");
      apt.unpack(["debian-archive-keyring"], tree);
      const signedBy = join(tree, "usr", "share", "keyrings", "debian-archive-keyring.gpg");
      return PrivateApt.open(join(this.#folder, "sid-newer-keys"), { ...archive, signedBy }, "sid");
    }
  }
}
