/**
 * A `describe` for what this machine may lack. With a reason (see the `...Missing()` helpers) its tests are skipped, and
 * the title tells why.
 */
export function describeWhere(missing: string | null, title: string, tests: () => void): void {
  if (missing === null) describe(title, tests);
  else describe.skip(`${title} (left out: ${missing})`, tests);
}
