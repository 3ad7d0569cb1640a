// The text of a pod's uid in a request. Never decides whether there is such a pod.
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

// The API server makes UUIDs; a static pod's uid is 32 hexadecimal digits.
const podUid = /^[A-Za-z0-9.-]{1,128}$/;

/** Throws MalformedRequestError; what is absent stays so. */
export function parsePodUid(text: string | undefined): string | undefined {
  if (text === undefined || podUid.test(text)) return text;
  throw new MalformedRequestError(
    "uid",
    `Cannot read pod uid ${quote(text)}: it has to be 1 to 128 letters, digits, "." or "-"`,
  );
}
