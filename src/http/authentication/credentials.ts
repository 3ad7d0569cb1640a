// What a request says about its caller: the Authorization header, read. Decides nothing, and keeps nothing.

export type Credentials =
  | { readonly scheme: "bearer"; readonly token: string }
  | { readonly scheme: "basic"; readonly user: string; readonly password: string }
  | { readonly scheme: "none" }
  /** There are some, but not of a form that is known. */
  | { readonly scheme: "malformed" };

const malformed = { scheme: "malformed" } as const;

/** RFC 6750 `b64token`, and whatever else of visible ASCII a file may hold. */
const bearer = /^bearer +([\x21-\x7e]+)$/i;
const basic = /^basic +([A-Za-z0-9+/]+={0,2})$/i;

/** `rawHeaders`: names and values in turns, as Node.js gives them; it would hide all but the first of several. */
export function readCredentials(rawHeaders: readonly string[]): Credentials {
  const values = rawHeaders.filter(
    (_, index) => rawHeaders[index - 1]?.toLowerCase() === "authorization" && index % 2 === 1,
  );
  if (values.length === 0) return { scheme: "none" };
  // Of two a proxy on the way may have checked the other one.
  if (values.length > 1) return malformed;
  const text = values[0]!.trim();
  const token = bearer.exec(text)?.[1];
  if (token !== undefined) return { scheme: "bearer", token };
  const encoded = basic.exec(text)?.[1];
  return encoded === undefined ? malformed : readBasic(encoded);
}

/** RFC 7617: the first colon ends the user. */
function readBasic(encoded: string): Credentials {
  const bytes = Buffer.from(encoded, "base64");
  const text = bytes.toString("utf8");
  const colon = text.indexOf(":");
  if (colon === -1 || !Buffer.from(text, "utf8").equals(bytes) || /\p{Cc}/u.test(text)) return malformed;
  return { scheme: "basic", user: text.slice(0, colon), password: text.slice(colon + 1) };
}
