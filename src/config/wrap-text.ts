// Text for a terminal of 80 columns. Never breaks a word, and never looks at the terminal.
const columns = 80;

/** Lines that begin with the indent; only a word that is too long alone makes a longer one. */
export function wrapText(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    const separator = line === indent ? "" : " ";
    if (line.length + separator.length + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else {
      line += separator + word;
    }
  }
  return [...lines, line];
}
