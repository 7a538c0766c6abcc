import { type Request } from 'express';

/** Longest that an answer waits for the end of an operation, in seconds. */
const MAX_WAIT_SECONDS = 600;

/** What stands between two commas: one in a quoted text parts nothing (RFC 9110, 5.6.4). */
const ELEMENT = /(?:"(?:[^"\\]|\\.?)*(?:"|$)|[^,"])+/g;
/** Name and value of a preference, in front of its parameters; blanks are single ones. */
const PREFERENCE = /^ ?([^ =;"]+) ?(?:= ?("(?:[^"\\]|\\.)*"|[^ ;"]*) ?)?(?:;|$)/;

/** What a caller prefers (RFC 7240); what is not known or malformed is ignored, as section 2 says. */
export interface Preferences {
  /** `respond-async`: the answer may come before the work is done. */
  respondAsync: boolean;
  /** `wait`: for how long to wait for the work, in seconds; null when that was not asked for. */
  waitSeconds: number | null;
}

/** The preferences of a request. The first of equal names counts. */
export function preferencesOf({ headers }: Pick<Request, 'headers'>): Preferences {
  const given = new Map<string, string>();
  const sent = [headers.prefer ?? []].flat().join(',').replace(/\s+/g, ' ');
  for (const one of sent.match(ELEMENT) ?? []) {
    // Parameters behind ";" belong to a preference; none of those that we know has one.
    const [, name, value] = PREFERENCE.exec(one) ?? [];
    const known = name?.toLowerCase();
    if (known !== undefined && !given.has(known)) given.set(known, unquoted(value ?? ''));
  }
  const wait = given.get('wait');
  const isWhole = wait !== undefined && /^\d{1,9}$/.test(wait);
  return {
    respondAsync: given.get('respond-async') === '',
    waitSeconds: isWhole ? Math.min(Number(wait), MAX_WAIT_SECONDS) : null,
  };
}

/** What of it was heeded, as `Preference-Applied` tells it (RFC 7240, 3). */
export function appliedOf({ respondAsync, waitSeconds }: Preferences): string {
  return [...(respondAsync ? ['respond-async'] : []), ...(waitSeconds === null ? [] : [`wait=${waitSeconds}`])].join(
    ', ',
  );
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
}
