// Who may ask for what: bearer tokens that come and go, and permissions taken away. Only new requests are checked; as with a
// real server, what is open stays open.
import { type ApiRequest, readSelection } from "./api-request.ts";
import { type Answer, forbidden, statusAnswer, unauthorized } from "./api-status.ts";
import { type FaultScope, isMeant } from "./request-faults.ts";

export interface Denial extends Pick<FaultScope, "verb" | "namespace"> {
  /** Default 403. */
  readonly status?: number;
}

/** What 403 answers call the client. */
const user = "system:serviceaccount:monitoring:proxy";

export class ApiAccess {
  readonly tokens = new TokenSet();
  readonly #denials = new Set<Denial>();

  deny(denial: Denial): { remove(): void } {
    this.#denials.add(denial);
    return { remove: () => void this.#denials.delete(denial) };
  }

  /** The answer to a request that is not allowed, or not understood. */
  refusalOf(request: ApiRequest, method = "GET"): Answer | undefined {
    if (method !== "GET") {
      const message = "the server does not allow this method on the requested resource";
      return statusAnswer({ code: 405, message });
    }
    const token = /^Bearer (.*)$/iu.exec(request.authorization ?? "")?.[1];
    if (this.tokens.isChecked && !this.tokens.has(token ?? "")) return unauthorized();
    for (const denial of this.#denials) {
      if (!isMeant(denial, request)) continue;
      const { status = 403 } = denial;
      return status === 403
        ? forbidden({ user, verb: request.verb, namespace: request.namespace })
        : statusAnswer({ code: status, message: `pods cannot be asked for: ${status}` });
    }
    const { refused } = readSelection(request);
    if (refused === undefined) return undefined;
    return statusAnswer({ code: 400, message: `this fake does not read the selector "${refused}"` });
  }
}

/** Remembers that there ever was a token: a server whose last one is revoked does not let everybody in. */
class TokenSet extends Set<string> {
  isChecked = false;

  override add(token: string): this {
    this.isChecked = true;
    return super.add(token);
  }
}
