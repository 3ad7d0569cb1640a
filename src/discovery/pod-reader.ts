// Reads the pods of one source: what is kept of them, and one copy of each text that many of them have. Of ten thousand pods
// most texts are those of a few hundred: images, nodes, namespaces, keys and values of labels.
import { type PodReader, readPod } from "./pod.ts";

/** Longer texts are those of one pod. */
const maxSharedLength = 256;
/** Beyond it the texts are forgotten, and found again: pods that are known keep theirs. */
const maxSharedTexts = 50_000;

export function createPodReader({
  keepsAnnotation,
}: {
  /** Whether an annotation of this key is kept, beside those of `prometheus.io/`. */
  keepsAnnotation: (key: string) => boolean;
}): PodReader {
  const intern = createInterner();
  return (object) => readPod(object, { keepsAnnotation, intern });
}

function createInterner(): (text: string) => string {
  const texts = new Map<string, string>();
  return (text) => {
    if (text.length > maxSharedLength) return text;
    const known = texts.get(text);
    if (known !== undefined) return known;
    if (texts.size >= maxSharedTexts) texts.clear();
    texts.set(text, text);
    return text;
  };
}
