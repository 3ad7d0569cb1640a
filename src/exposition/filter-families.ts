/** Leaves families out of a merge by their names, before anything of them is written. */
import type { Families, Family } from "./families.ts";

export interface FamilyFilter {
  /** Whether the family that has these names is part of the answer. */
  readonly keepFamily: (names: readonly string[]) => boolean;
  /** Whether the families of body number `index` stay in any case. */
  readonly isUnfiltered: (index: number) => boolean;
}

/**
 * A family has the name of its TYPE line; a counter and an info also the name without their suffix and with it, so that the same
 * names hold in both formats; and what is left of a dissolved family also has the names of that.
 */
export function filterFamilies(all: Families, { keepFamily, isUnfiltered }: FamilyFilter): Families {
  const kept = all.families.map((family) => keepFamily(namesOf(family)));
  for (const [index, families] of all.familyOfName.entries()) {
    if (isUnfiltered(index)) for (const family of families) if (family >= 0) kept[family] = true;
  }
  let count = 0;
  const place = kept.map((isKept) => (isKept ? count++ : -1));
  return {
    ...all,
    families: all.families.filter((_, family) => kept[family]),
    familyOfName: all.familyOfName.map((families) => families.map((family) => place[family] ?? -1)),
  };
}

function namesOf({ name, type, partOf }: Family): string[] {
  const names = [name, ...(partOf === undefined ? [] : [partOf])];
  if (type === "counter") names.push(otherNameOf(name, "_total"));
  // An info is a gauge in text.
  if (type === "info" || (type === "gauge" && name.endsWith("_info"))) names.push(otherNameOf(name, "_info"));
  return names;
}

function otherNameOf(name: string, suffix: string): string {
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name + suffix;
}
