import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse } from '@nestjs/swagger';
import { ApiErrors } from '../http/api-errors.decorator';
import { CONTENT_HEADERS, CONTENT_TYPES } from './content-docs';

/** What the OpenAPI document says of `GET /downloads/<token>`. */
export function ApiDownload(): MethodDecorator {
  return applyDecorators(
    ApiOperation({
      operationId: 'download',
      summary: 'Download by a link',
      description:
        'A file as it is: whole, or one range of it; several ranges are answered with the whole. Conditions are heeded as RFC 9110 says. A directory comes as an archive, without ranges. What breaks off before its end is not complete: a file can be resumed, an archive cannot. The link alone opens it; nobody has to sign in.',
    }),
    ApiHeader({
      name: 'Range',
      required: false,
      description: 'One range of bytes, for files.',
      schema: { type: 'string', example: 'bytes=1048576-' },
    }),
    ApiHeader({
      name: 'If-Range',
      required: false,
      description: 'The `ETag` or `Last-Modified` that the range is of.',
      schema: { type: 'string', example: '"fe00-1c0007-b40-18902f1c5f6b0000"' },
    }),
    ApiOkResponse({ description: 'The content.', headers: CONTENT_HEADERS, content: CONTENT_TYPES }),
    ApiResponse({ status: 206, description: 'The range, which `Content-Range` tells.', content: CONTENT_TYPES }),
    ApiResponse({ status: 304, description: 'The caller has it already, as its condition says.' }),
    ApiResponse({ status: 412, description: 'The condition does not hold. Without a body.' }),
    ApiResponse({
      status: 416,
      description: 'The range is beyond the end. Without a body; `Content-Range` has the size.',
    }),
    ApiErrors({
      path: '/downloads/-',
      codes: [
        'link_invalid',
        'validation_failed',
        'source_changed',
        'source_not_found',
        'path_outside_storage',
        'source_unsupported',
        'source_forbidden',
        'quota_exceeded',
        'storage_unavailable',
        'database_unavailable',
      ],
    }),
  );
}
