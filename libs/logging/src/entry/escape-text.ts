// Cc: C0, DEL, C1. Cf: invisible format characters, with the bidirectional overrides. Zl, Zp: U+2028 and U+2029.
// Cs: surrogates without their other half (with the u flag a pair counts as its character).
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const UNSAFE_IN_LINES = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Writes everything that could end a line, control a terminal or hide text as a JSON escape. Inside JSON text such
 * characters stand in strings only, so that the result is the same JSON.
 */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, escapeCharacter);
}

/** The same for a text of several lines: newlines and tabs stay. */
export function escapeUnsafeInLines(text: string): string {
  return text.replace(UNSAFE_IN_LINES, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const json = JSON.stringify(character).slice(1, -1);
  if (json !== character) return json;
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
