import { type OutgoingHttpHeaders } from 'node:http';
import contentDisposition from 'content-disposition';
import {
  type ArchiveFormat,
  type Checksum,
  type FileIdentity,
  type OpenFile,
  type OpenTree,
  type RawName,
  showPath,
} from '@app/files';
import { type Validators } from './conditions';

/** How an archive is called. */
const ARCHIVE_TYPES: Record<ArchiveFormat, string> = { zip: 'application/zip', tar: 'application/x-tar' };

/** Names of checksums in `Repr-Digest` (RFC 9530); the others have none. */
const DIGEST_NAMES: Partial<Record<Checksum['algorithm'], readonly [string, number]>> = {
  sha256: ['sha-256', 64],
  md5: ['md5', 32],
  adler32: ['adler', 8],
};

/** What is sent for a source: all that its headers say. */
export interface Representation {
  /** Bytes; undefined where only sending it tells. */
  size: number | undefined;
  validators: Validators;
  /** All but those of its length, which depend on what part of it is sent. */
  headers: OutgoingHttpHeaders;
}

/** What is the same for everything that is sent: it is never shown by a browser as a page of ours, nor kept. */
const SAFETY = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': 'sandbox',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'private, no-store',
};

/** A file as it is, or a directory as an archive of `format`. */
export function representationOf(
  source: OpenFile | OpenTree,
  checksum: Checksum | null,
  format: ArchiveFormat,
): Representation {
  return source.kind === 'file' ? ofFile(source, checksum) : ofTree(source, format);
}

function ofFile({ identity, name }: OpenFile, checksum: Checksum | null): Representation {
  const validators = { etag: etagOf(identity), lastModified: lastModifiedOf(identity) };
  const digest = digestOf(checksum);
  return {
    size: identity.size,
    validators,
    headers: {
      ...SAFETY,
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': disposition(name),
      'Accept-Ranges': 'bytes',
      ETag: validators.etag,
      ...(validators.lastModified && { 'Last-Modified': validators.lastModified.toUTCString() }),
      ...(digest !== undefined && { 'Repr-Digest': digest }),
    },
  };
}

function ofTree({ name }: OpenTree, format: ArchiveFormat): Representation {
  return {
    size: undefined,
    validators: { etag: undefined, lastModified: undefined },
    headers: {
      ...SAFETY,
      'Content-Type': ARCHIVE_TYPES[format],
      'Content-Disposition': disposition(`${name}.${format}`),
      'Accept-Ranges': 'none',
    },
  };
}

/** A strong one: whoever changes the content without changing these does so on purpose. */
function etagOf({ device, inode, size, mtimeNs }: FileIdentity): string {
  return `"${[device, inode, size, mtimeNs].map((number) => BigInt(number).toString(16)).join('-')}"`;
}

/** Undefined for a time that is still to come, which HTTP does not allow to tell (RFC 9110, 8.8.2.1). */
function lastModifiedOf({ mtimeNs }: FileIdentity): Date | undefined {
  const time = new Date(Number(BigInt(mtimeNs) / 1_000_000_000n) * 1000);
  return time.getTime() > Date.now() ? undefined : time;
}

/**
 * `attachment` with the name in UTF-8 and, for older clients, in ASCII (RFC 6266). What is not UTF-8 is percent-encoded,
 * and there is no backslash: receivers take away what stands before one.
 */
function disposition(name: RawName): string {
  const text = showPath(name).text.replaceAll('\\', '_');
  return contentDisposition(text, { fallback: text.replace(/[^\x20-\x7e]/gu, '_') });
}

function digestOf(checksum: Checksum | null): string | undefined {
  const [name, digits] = (checksum && DIGEST_NAMES[checksum.algorithm]) ?? [];
  if (!checksum || name === undefined || digits === undefined) return undefined;
  return `${name}=:${Buffer.from(checksum.value.padStart(digits, '0'), 'hex').toString('base64')}:`;
}
