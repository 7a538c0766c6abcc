import { AppError } from '@app/core';
import { type RawName, rawFromText } from './raw-name';

/** How a path stands in JSON: as text, or percent-encoded where its bytes are not UTF-8 (contract, section 1). */
export interface PathText {
  text: string;
  /** `percent` when each byte that is not a plain ASCII letter, digit or `-._~/` is written as `%XX`. */
  encoding: 'percent' | null;
}

/** Longest path and longest segment in bytes (PATH_MAX and NAME_MAX of Linux). */
export const MAX_PATH_BYTES = 4096;
export const MAX_SEGMENT_BYTES = 255;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Shows raw bytes: as text when they are UTF-8, else percent-encoded as a whole. */
export function showPath(raw: RawName): PathText {
  try {
    return { text: utf8.decode(Buffer.from(raw, 'latin1')), encoding: null };
  } catch {
    return { text: percentEncode(raw), encoding: 'percent' };
  }
}

/** Shows raw bytes in a given encoding; falls back to percent for what is not UTF-8. */
export function showPathAs(raw: RawName, encoding: PathText['encoding']): PathText {
  return encoding === 'percent' ? { text: percentEncode(raw), encoding } : showPath(raw);
}

function percentEncode(raw: RawName): string {
  return raw.replace(/[^A-Za-z0-9\-._~/]/g, (byte) => {
    return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

/** The bytes that {@link showPath} or {@link showPathAs} made such a text of. */
export function rawFromShown(text: string, encoding: PathText['encoding']): RawName {
  return encoding === 'percent' ? unescaped(text) : rawFromText(text);
}

function malformed(field: string, message: string): AppError {
  return new AppError('validation_failed', `${field} ${message}.`, { errors: [{ field, message }] });
}

/** A path of a request as raw bytes. Throws `validation_failed` naming the field. */
export function readPath(field: string, text: string, encoding: 'percent' | null | undefined): RawName {
  const raw = encoding === 'percent' ? percentDecode(field, text) : textBytes(field, text);
  if (raw === '') throw malformed(field, 'must not be empty');
  if (raw.includes('\0')) throw malformed(field, 'must not contain NUL');
  if (raw.length > MAX_PATH_BYTES) throw malformed(field, `must not be longer than ${MAX_PATH_BYTES} bytes`);
  if (raw.split('/').some((segment) => segment.length > MAX_SEGMENT_BYTES)) {
    throw malformed(field, `must not have a segment longer than ${MAX_SEGMENT_BYTES} bytes`);
  }
  return raw;
}

function textBytes(field: string, text: string): RawName {
  // A lone surrogate has no UTF-8 form; encoding it would silently name another file.
  if (!text.isWellFormed()) throw malformed(field, 'must be valid Unicode');
  return rawFromText(text);
}

function percentDecode(field: string, text: string): RawName {
  if (!/^(?:[^%]|%[0-9A-Fa-f]{2})*$/s.test(text)) throw malformed(field, 'has a % that no two hex digits follow');
  return unescaped(textBytes(field, text));
}

function unescaped(bytes: string): RawName {
  return bytes.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The segments of a path without the empty ones and `.`; `..` is kept. */
export function segmentsOf(raw: RawName): RawName[] {
  return raw.split('/').filter((segment) => segment !== '' && segment !== '.');
}

/** The name that a path ends with, or undefined where it ends with `..` or names a root. */
export function lastName(raw: RawName): RawName | undefined {
  const last = segmentsOf(raw).at(-1);
  return last === '..' ? undefined : last;
}

/** Where a result goes inside a user area, as the caller wrote it. */
export interface DestinationPath {
  /** Segments below the user area, `..` among them; without the final name when `intoDirectory`. */
  segments: RawName[];
  /** True when the path ends with `/`: the source keeps its own name. */
  intoDirectory: boolean;
  absolute: boolean;
}

/** Reads `relative_path`. Throws `validation_failed` for what is no path; where it leads is {@link refuseEscape}'s. */
export function readDestination(text: string, encoding?: 'percent' | null): DestinationPath {
  const raw = readPath('relative_path', text, encoding);
  const segments = segmentsOf(raw);
  const intoDirectory = raw.endsWith('/');
  if (segments.length === 0 && !intoDirectory) throw malformed('relative_path', 'names no file or directory');
  return { segments, intoDirectory, absolute: raw.startsWith('/') };
}

/** Throws `path_outside_user_area` for a destination that leaves the area by its names, or is the service's own. */
export function refuseEscape({ absolute, segments }: DestinationPath): void {
  if (absolute || segments.includes('..')) {
    throw new AppError(
      'path_outside_user_area',
      'The destination leaves the user area: give a path relative to it, without "..".',
    );
  }
  refusePrivateNames(segments);
}

/** Throws `path_outside_user_area` where one of the names could be that of a private directory. */
export function refusePrivateNames(segments: RawName[]): void {
  if (!segments.some((segment) => PRIVATE_NAME.test(segment))) return;
  throw new AppError(
    'path_outside_user_area',
    'Names that begin with ".staging-" and a number are the service\'s own.',
  );
}

/** Names of the service's private directories inside a user area. */
export const PRIVATE_NAME = /^\.staging-[0-9a-f]{8}-/;
