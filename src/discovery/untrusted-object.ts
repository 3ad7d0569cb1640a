// Fields of decoded JSON or YAML that nobody has checked: what has another shape counts as missing. Never throws.

export type UnknownObject = Readonly<Record<string, unknown>>;

const emptyObject: UnknownObject = {};

export function isObject(value: unknown): value is UnknownObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value if it is an object, else an empty one. */
export function asObject(value: unknown): UnknownObject {
  return isObject(value) ? value : emptyObject;
}

export function objectAt(object: UnknownObject, key: string): UnknownObject {
  return asObject(object[key]);
}

/** The objects of a list; other items are left out. */
export function objectsAt(object: UnknownObject, key: string): readonly UnknownObject[] {
  const value = object[key];
  return Array.isArray(value) ? value.filter((entry) => isObject(entry)) : [];
}

/** "" when it is missing. */
export function stringAt(object: UnknownObject, key: string): string {
  const value = object[key];
  return typeof value === "string" ? value : "";
}
