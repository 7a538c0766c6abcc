import { AppError } from '@app/core';
import { type DestinationPath, type RawName, refuseEscape, showPath } from '@app/files';

/** What keeps Jupyter from holding a name, as the rest of a sentence; null when nothing does. */
export function nameFault(name: RawName): string | null {
  const { text, encoding } = showPath(name);
  if (encoding !== null) return 'is not UTF-8';
  if (text.startsWith('.')) return 'begins with a dot, so that Jupyter hides it';
  if (/\p{Cc}/u.test(text)) return 'holds a control character';
  // Some servers and proxies decode twice.
  if (/%(2f|5c)/i.test(text)) return 'holds an encoded slash';
  return null;
}

/** Throws `validation_failed` for a destination that Jupyter cannot hold, `path_outside_user_area` for one that leaves. */
export function refuseDestination(destination: DestinationPath): void {
  refuseEscape(destination);
  refuseNames(destination);
}

/** Throws `validation_failed` for a destination with names that Jupyter cannot hold; whether it leaves is not looked at. */
export function refuseNames({ segments }: DestinationPath): void {
  for (const name of segments) if (name !== '..') refuseName(name);
}

/** The names of the result from the root of the server's contents down; `ownName` is the source's. */
export function resultPath({ segments, intoDirectory }: DestinationPath, ownName: RawName): RawName[] {
  if (intoDirectory) refuseName(ownName);
  return intoDirectory ? [...segments, ownName] : segments;
}

/** Throws `source_unsupported` for a path in a tree that Jupyter cannot hold, as what is above its last name can be. */
export function refuseTreePath(path: RawName): void {
  const fault = nameFault(path.slice(path.lastIndexOf('/') + 1));
  if (fault === null) return;
  throw new AppError('source_unsupported', `Jupyter cannot hold ${showPath(path).text}: the name ${fault}.`);
}

/** Throws `source_unsupported` for a link in a tree whose text cannot be told in JSON. */
export function refuseLinkText(path: RawName, text: RawName): void {
  if (showPath(text).encoding === null) return;
  throw new AppError(
    'source_unsupported',
    `Jupyter cannot hold the link ${showPath(path).text}: its text is not UTF-8.`,
  );
}

/** A path that {@link nameFault} finds no fault with, as the APIs of Jupyter take it. */
export function textOf(path: RawName): string {
  return showPath(path).text;
}

function refuseName(name: RawName): void {
  const fault = nameFault(name);
  if (fault === null) return;
  const message = `has a name that Jupyter cannot hold: ${showPath(name).text} ${fault}`;
  throw new AppError('validation_failed', `relative_path ${message}.`, {
    errors: [{ field: 'relative_path', message }],
  });
}
