import { type IncomingHttpHeaders } from 'node:http';

/** What a client may hold its copy against; undefined where a representation has none. */
export interface Validators {
  /** A strong one, with its quotes. */
  etag: string | undefined;
  lastModified: Date | undefined;
}

/** What the conditions of a GET or HEAD say: go on, `304`, or `412`. */
export type Verdict = 'proceed' | 'not_modified' | 'failed';

const ETAGS = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;

/** Evaluates the conditions of a GET or HEAD in the order of RFC 9110, 13.2.2; `If-Range` is {@link rangeApplies}'. */
export function evaluate(headers: IncomingHttpHeaders, validators: Validators): Verdict {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match !== undefined) {
    if (!names(match, validators.etag, strongly)) return 'failed';
  } else if (modifiedAfter(headers['if-unmodified-since'], validators) === true) return 'failed';
  if (noneMatch !== undefined) return names(noneMatch, validators.etag, weakly) ? 'not_modified' : 'proceed';
  return modifiedAfter(headers['if-modified-since'], validators) === false ? 'not_modified' : 'proceed';
}

/** Whether a `Range` is to be heeded: there is no `If-Range`, or what it names is what is there (RFC 9110, 13.1.5). */
export function rangeApplies({ 'if-range': condition }: IncomingHttpHeaders, validators: Validators): boolean {
  if (condition === undefined) return true;
  const text = String(condition).trim();
  if (text.startsWith('"')) return text === validators.etag;
  const time = secondsOf(readDate(text));
  return time !== undefined && time === secondsOf(validators.lastModified);
}

/** Whether a list of entity tags names this one; `*` names whatever there is. */
function names(list: string, etag: string | undefined, same: (tag: string, etag: string) => boolean): boolean {
  if (list.trim() === '*') return true;
  return etag !== undefined && (list.match(ETAGS) ?? []).some((tag) => same(tag, etag));
}

function strongly(tag: string, etag: string): boolean {
  return tag === etag;
}

function weakly(tag: string, etag: string): boolean {
  return tag.replace(/^W\//, '') === etag;
}

/** Undefined where there is no date to compare with, so that the condition is ignored. */
function modifiedAfter(header: string | undefined, { lastModified }: Validators): boolean | undefined {
  const [time, since] = [secondsOf(lastModified), secondsOf(readDate(header))];
  return time === undefined || since === undefined ? undefined : time > since;
}

const IMF_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850_DATE = /^[A-Z][a-z]+day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** A date in one of the three forms of RFC 9110, 5.6.7; undefined for anything else. */
function readDate(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const isDate = [IMF_DATE, RFC_850_DATE, ASCTIME_DATE].some((form) => form.test(text));
  const time = isDate ? Date.parse(ASCTIME_DATE.test(text) ? `${text} GMT` : text) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time);
}

/** HTTP knows whole seconds. */
function secondsOf(date: Date | undefined): number | undefined {
  return date && Math.floor(date.getTime() / 1000);
}
