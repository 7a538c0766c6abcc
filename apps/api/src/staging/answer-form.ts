import { type Request } from 'express';
import { preferencesOf } from '../http/preferences';

/**
 * How the result of a method that delivers is answered: by its content, or by the operation with a link, at once (`json`)
 * or as accepted (`async`).
 */
export type AnswerForm = 'content' | 'json' | 'async';

/** What a request asks for: by `Prefer: respond-async` (RFC 7240), else by `Accept`. */
export function answerForm(request: Pick<Request, 'headers'>): AnswerForm {
  if (preferencesOf(request).respondAsync) return 'async';
  return wantsJson(request.headers.accept) ? 'json' : 'content';
}

/** True where JSON is named and neither anything nor bytes is: then who asks could not do with the content. */
function wantsJson(accept: string | undefined): boolean {
  const accepted = new Set((accept ?? '*/*').split(',').filter(isWanted).map(typeOf));
  return accepted.has('application/json') && !accepted.has('*/*') && !accepted.has('application/octet-stream');
}

function typeOf(range: string): string {
  return range.split(';')[0]!.trim().toLowerCase();
}

/** A weight of zero means "not this one" (RFC 9110, 12.4.2). */
function isWanted(range: string): boolean {
  return !/;\s*q\s*=\s*0(?:\.0*)?\s*(?:;|$)/i.test(range);
}
