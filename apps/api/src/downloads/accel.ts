import { type OutgoingHttpHeaders } from 'node:http';
import { type OpenFile, type RawName, rawFromText, showPathAs } from '@app/files';
import { type Representation } from './representation';

/** What nginx tells by itself of the file that it finds. */
const OF_NGINX = new Set(['Accept-Ranges', 'ETag', 'Last-Modified']);

/**
 * Headers that make an nginx in front send the file itself: from its internal location `prefix`, by the storage's name
 * and the real path below it. Ranges and conditions are nginx' then.
 */
export function accelHeaders(prefix: string, file: OpenFile, { headers }: Representation): OutgoingHttpHeaders {
  const path = [rawFromText(file.storage), ...file.realPath].map(percentEncoded).join('/');
  const kept = Object.entries(headers).filter(([name]) => !OF_NGINX.has(name));
  return { ...Object.fromEntries(kept), 'Content-Length': 0, 'X-Accel-Redirect': `${prefix}/${path}` };
}

function percentEncoded(segment: RawName): string {
  return showPathAs(segment, 'percent').text;
}
