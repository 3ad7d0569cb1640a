// Who a request comes from, by whichever ways are configured: any that accepts its credentials lets it in. Without any, everybody
// is let in. Never says which part of the credentials was wrong.
import { HttpError } from "../http-error.ts";
import { unavailable } from "../unavailable.ts";
import type { BearerTokensFile } from "./bearer-tokens-file.ts";
import { type Caller, unrestrictedCaller } from "./caller.ts";
import { type Credentials, readCredentials } from "./credentials.ts";
import type { KubernetesCallers } from "./kubernetes-callers.ts";

/** Users with passwords. */
export interface BasicVerifier {
  /** False as long as there are no users, and nobody is asked for a password. Never false again once it was true. */
  readonly isRequired: boolean;
  /** `busy`: too many are being verified at this moment. Takes as long for a user that is unknown. */
  verify(user: string, password: string): Promise<boolean | "busy">;
}

/** Undefined where it is not configured. */
export interface AuthenticatorOptions {
  /** Of WEB_CONFIG_FILE. */
  readonly basic: BasicVerifier | undefined;
  readonly tokens: Pick<BearerTokensFile, "has"> | undefined;
  readonly kubernetes: Pick<KubernetesCallers, "identify"> | undefined;
}

const realm = 'realm="k8s-prometheus-proxy"';

export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Nobody has to say who he is: no way is configured. Users may come while the program runs. */
  get isOpen(): boolean {
    return this.#variables.length === 0;
  }

  get #variables(): readonly string[] {
    const { basic, tokens, kubernetes } = this.#options;
    return [
      ...(basic?.isRequired === true ? ["WEB_CONFIG_FILE"] : []),
      ...(tokens === undefined ? [] : ["BEARER_TOKENS_FILE"]),
      ...(kubernetes === undefined ? [] : ["KUBERNETES_AUTH"]),
    ];
  }

  get #schemes(): readonly string[] {
    const { basic, tokens, kubernetes } = this.#options;
    return [
      ...(basic?.isRequired === true ? [`Basic ${realm}, charset="UTF-8"`] : []),
      ...(tokens === undefined && kubernetes === undefined ? [] : [`Bearer ${realm}`]),
    ];
  }

  /** `rawHeaders` as Node.js gives them. Throws HttpError 401, or 503 when it cannot be told now. */
  async identify(rawHeaders: readonly string[]): Promise<Caller> {
    if (this.isOpen) return unrestrictedCaller;
    const credentials = readCredentials(rawHeaders);
    const caller = await this.#find(credentials);
    if (caller !== undefined) return caller;
    throw this.#refusal(credentials);
  }

  async #find(credentials: Credentials): Promise<Caller | undefined> {
    const { basic, tokens, kubernetes } = this.#options;
    if (credentials.scheme === "bearer") {
      if (tokens?.has(credentials.token) === true) return unrestrictedCaller;
      return await kubernetes?.identify(credentials.token);
    }
    if (credentials.scheme !== "basic" || basic?.isRequired !== true) return undefined;
    const verified = await basic.verify(credentials.user, credentials.password);
    if (verified === "busy") {
      throw unavailable("Cannot authenticate now: too many callers are being verified (WEB_CONFIG_FILE)", {
        authenticationFailure: "busy",
      });
    }
    return verified ? unrestrictedCaller : undefined;
  }

  #refusal({ scheme }: Credentials): HttpError {
    const schemes = this.#schemes;
    const isNone = scheme === "none";
    const isUsable = schemes.some((known) => known.toLowerCase().startsWith(`${scheme} `));
    const state = isNone
      ? "it sends no credentials"
      : isUsable
        ? "its credentials are not accepted"
        : "its credentials are of no kind that is taken";
    return new HttpError(401, `Cannot authenticate the caller: ${state} (${this.#variables.join(" or ")})`, {
      authenticate: schemes.join(", "),
      authenticationFailure: isNone
        ? "no_credentials"
        : isUsable
          ? "wrong_credentials"
          : "unusable_credentials",
    });
  }
}
