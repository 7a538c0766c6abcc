import { type ApiResponseOptions } from '@nestjs/swagger';

const BYTES = { schema: { type: 'string', format: 'binary' } } as const;
const header = (description: string, example?: string) =>
  ({ description, schema: { type: 'string', example } }) as const;

/** What content can come as. */
export const CONTENT_TYPES = {
  'application/octet-stream': BYTES,
  'application/zip': BYTES,
  'application/x-tar': BYTES,
};

/** The headers that come with content. */
export const CONTENT_HEADERS: NonNullable<ApiResponseOptions['headers']> = {
  'Content-Disposition': header('`attachment`, with the name (RFC 6266).', 'attachment; filename="42.fits"'),
  ETag: header('Of a file; changes with it.', '"fe00-1c0007-b40-18902f1c5f6b0000"'),
  'Last-Modified': header('Of a file: when it was changed last.', 'Sun, 01 Feb 2026 12:00:00 GMT'),
  'Accept-Ranges': header('`bytes` for files, `none` for archives.', 'bytes'),
  'Repr-Digest': header(
    'The checksum of the whole file, where one is known (RFC 9530).',
    'md5=:XUFAKrxLKna5cZ2REBfFkg==:',
  ),
};
