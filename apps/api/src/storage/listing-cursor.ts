import { MAX_SEGMENT_BYTES, type RawName } from '@app/files';
import { malformed } from '../http/to-app-error';

/** The cursor behind a name: its bytes, so that it works for every name, and for one that is gone meanwhile. */
export function cursorBehind(name: RawName): string {
  return Buffer.from(name, 'latin1').toString('base64url');
}

/** The name behind which a page begins. Throws `validation_failed` for what is no cursor. */
export function nameOfCursor(cursor: string | undefined): RawName | undefined {
  if (cursor === undefined) return undefined;
  const name = Buffer.from(cursor, 'base64url').toString('latin1');
  if (cursorBehind(name) !== cursor || name === '' || name.length > MAX_SEGMENT_BYTES || /[/\0]/.test(name)) {
    throw malformed('cursor', 'is not one that the service gave');
  }
  return name;
}
