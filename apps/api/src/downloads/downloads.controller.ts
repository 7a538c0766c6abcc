import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { ApiErrors } from '../http/api-errors.decorator';
import { hangUpSignal } from '../http/hang-up-signal';
import { OperationIdDto } from '../records/dto/operation-id.dto';
import { OperationFinder } from '../records/operation-finder';
import { CONTENT_HEADERS, CONTENT_TYPES } from './content-docs';
import { DownloadLinks } from './download-links';
import { Downloads } from './downloads.service';
import { ArchiveQueryDto } from './dto/archive-query.dto';
import { DownloadTokenDto, DownloadUrlDto } from './dto/download-url.dto';

/** Results that are fetched by a link. */
@ApiTags('downloads')
@Controller()
export class DownloadsController {
  constructor(
    private readonly links: DownloadLinks,
    private readonly downloads: Downloads,
    private readonly finder: OperationFinder,
  ) {}

  @Get('downloads/:token')
  @ApiOperation({
    operationId: 'download',
    summary: 'Download by a link',
    description:
      'A file as it is: whole, or one range of it; several ranges are answered with the whole. Conditions are heeded as RFC 9110 says. A directory comes as an archive, without ranges. What breaks off before its end is not complete: a file can be resumed, an archive cannot. The link alone opens it; nobody has to sign in.',
  })
  @ApiHeader({
    name: 'Range',
    required: false,
    description: 'One range of bytes, for files.',
    schema: { type: 'string', example: 'bytes=1048576-' },
  })
  @ApiHeader({
    name: 'If-Range',
    required: false,
    description: 'The `ETag` or `Last-Modified` that the range is of.',
    schema: { type: 'string', example: '"fe00-1c0007-b40-18902f1c5f6b0000"' },
  })
  @ApiOkResponse({ description: 'The content.', headers: CONTENT_HEADERS, content: CONTENT_TYPES })
  @ApiResponse({ status: 206, description: 'The range, which `Content-Range` tells.', content: CONTENT_TYPES })
  @ApiResponse({ status: 304, description: 'The caller has it already, as its condition says.' })
  @ApiResponse({ status: 412, description: 'The condition does not hold. Without a body.' })
  @ApiResponse({
    status: 416,
    description: 'The range is beyond the end. Without a body; `Content-Range` has the size.',
  })
  @ApiErrors({
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
  })
  async download(
    @Param() { token }: DownloadTokenDto,
    @Query() { archive }: ArchiveQueryDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const link = await this.links.open(token, hangUpSignal(response));
    try {
      await this.downloads.answer(request, response, link, archive);
    } finally {
      await link.source.close();
    }
  }

  @Post('operations/:id/download-url')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'renewDownloadUrl',
    summary: 'Ask for a fresh link of a download',
    description: 'For a `direct_download` that ended well. Links that were made before go on working until they end.',
  })
  @ApiOkResponse({ description: 'The link.', type: DownloadUrlDto })
  @ApiErrors({
    path: '/operations/01981f7e/download-url',
    codes: ['not_found', 'already_ended', 'validation_failed', 'database_unavailable'],
  })
  async renew(@Param() { id }: OperationIdDto, @Query() { archive }: ArchiveQueryDto): Promise<DownloadUrlDto> {
    const record = await this.finder.find(id);
    const expiresAt = await this.links.renew(record);
    return { download_url: this.links.urlOf(record, archive)!, expires_at: expiresAt.toISOString() };
  }
}
