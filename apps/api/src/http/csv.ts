/** Media type of {@link csvLine}s (RFC 4180), of which the first one names the columns. */
export const CSV_TYPE = 'text/csv; charset=utf-8; header=present';

/** What a spreadsheet would take for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * A line of a table as RFC 4180 writes it. Text that a spreadsheet would run is made plain text by an apostrophe in
 * front, which it does not show.
 */
export function csvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.map(cellOf).join(',')}\r\n`;
}

function cellOf(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
