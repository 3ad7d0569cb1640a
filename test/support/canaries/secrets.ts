// The secrets that a program holds or was shown, and a search for them in streams of bytes. Bounded: of each the end, and of those that
// clients show the last ones.
import { Buffer } from "node:buffer";

export type Owner = "cluster" | "caller" | "operator";

export interface Secret {
  readonly owner: Owner;
  /** For messages, in which the secret itself may stand: it is a test's. */
  readonly text: string;
}

/** Shorter ones are found everywhere. */
const shortestSecret = 6;
/** Of a long one, such as a JWT, the end is its own, while the beginning is like that of others. */
const searchedBytes = 64;
const maxSecrets = 200;

export class Secrets {
  readonly #onNew: (secret: Secret) => void;
  readonly #needles = new Map<string, Secret & { readonly needle: Buffer }>();

  /** `onNew` gets each once. */
  constructor(onNew: (secret: Secret) => void = () => undefined) {
    this.#onNew = onNew;
  }

  add(text: string, owner: Owner): void {
    const key = `${owner} ${text}`;
    if (text.length < shortestSecret || this.#needles.has(key)) return;
    const needle = Buffer.from(text, "latin1").subarray(-searchedBytes);
    const [oldest] = this.#needles.keys();
    if (this.#needles.size >= maxSecrets && oldest !== undefined) this.#needles.delete(oldest);
    const secret = { owner, text };
    this.#needles.set(key, { ...secret, needle });
    this.#onNew(secret);
  }

  /** What a header's value shows of whoever sent it. */
  addCredential(value: string, owner: Owner): void {
    const [, scheme = "", rest = value] = /^(\S+) +(.*)$/su.exec(value) ?? [];
    this.add(rest.trim(), owner);
    if (scheme.toLowerCase() !== "basic") return;
    const [, password] = /^[^:]*:(.*)$/su.exec(Buffer.from(rest, "base64").toString("latin1")) ?? [];
    this.add(password ?? "", owner);
  }

  /** The last lines but one of each private key. */
  addKeys(pem: string): void {
    for (const [, body = ""] of pem.matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----([^-]*)/gu)) {
      const lines = body.split("\n").filter((line) => line.length >= searchedBytes);
      this.add(lines.at(-1) ?? "", "operator");
    }
  }

  findIn(bytes: Buffer): Secret[] {
    return [...this.#needles.values()].filter(({ needle }) => bytes.includes(needle));
  }

  has(text: string, owner: Owner): boolean {
    return this.#needles.has(`${owner} ${text}`);
  }

  get isEmpty(): boolean {
    return this.#needles.size === 0;
  }
}

/** Finds secrets that lie across chunks as well, and keeps no more than the end of one. */
export class SecretSearch {
  readonly #secrets: Secrets;
  #end = Buffer.alloc(0);

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** What is found in this chunk, or across its beginning. */
  next(chunk: Buffer): Secret[] {
    const seam = Buffer.concat([this.#end, chunk.subarray(0, searchedBytes)]);
    this.#end = Buffer.concat([this.#end, chunk.subarray(-searchedBytes)]).subarray(-searchedBytes);
    if (this.#secrets.isEmpty) return [];
    return [...new Set([...this.#secrets.findIn(seam), ...this.#secrets.findIn(chunk)])];
  }
}
