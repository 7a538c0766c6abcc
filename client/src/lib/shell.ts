/** Text as one word of a shell (POSIX): nothing in it has a meaning. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:=@%?&+-]+$/.test(text) && !/[?&]/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Text as a literal of Python; JSON's strings are Python's. */
export function pythonText(text: string): string {
  return JSON.stringify(text);
}
