/** Leaves families out of a merge by their names, before anything of them is written. */
import type { Families, Family } from "./families.ts";
import type { ExpositionFormat } from "./format.ts";

export interface FamilyFilter {
  readonly format: ExpositionFormat;
  /** Whether the family of this name is part of the answer. */
  readonly keepFamily: (name: string) => boolean;
  /** Whether the families of body number `index` stay in any case. */
  readonly isUnfiltered: (index: number) => boolean;
}

export function filterFamilies(all: Families, { format, keepFamily, isUnfiltered }: FamilyFilter): Families {
  const kept = all.families.map((family) => namesOf(family, format).some(keepFamily));
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

/** What a family may be called: counters and infos are declared without their suffix in OpenMetrics, with it in text. */
function namesOf({ name, type }: Family, format: ExpositionFormat): string[] {
  if (format === "text") return [name];
  if (type === "counter") return [name, `${name}_total`];
  return type === "info" ? [name, `${name}_info`] : [name];
}
