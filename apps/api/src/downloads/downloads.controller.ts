import { Controller, Get, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { type Caller } from '@app/auth';
import { Access, SignedIn } from '../auth/access.decorator';
import { ApiErrors } from '../http/api-errors.decorator';
import { hangUpSignal } from '../http/hang-up-signal';
import { OperationIdDto } from '../records/dto/operation-id.dto';
import { OperationFinder } from '../records/operation-finder';
import { ApiDownload } from './download-docs.decorator';
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
  @Access('open')
  @ApiDownload()
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
  @Access('signed-in')
  @ApiOperation({
    operationId: 'renewDownloadUrl',
    summary: 'Ask for a fresh link of a download',
    description: 'For a `direct_download` that ended well. Links that were made before go on working until they end.',
  })
  @ApiOkResponse({ description: 'The link.', type: DownloadUrlDto })
  @ApiErrors({
    path: '/operations/01981f7e/download-url',
    codes: ['not_found', 'validation_failed', 'database_unavailable'],
    ofOperations: ['already_ended'],
  })
  async renew(
    @Param() { id }: OperationIdDto,
    @Query() { archive }: ArchiveQueryDto,
    @SignedIn() caller: Caller,
  ): Promise<DownloadUrlDto> {
    const record = await this.finder.find(id, caller);
    const expiresAt = await this.links.renew(record);
    return { download_url: this.links.urlOf(record, archive)!, expires_at: expiresAt.toISOString() };
  }
}
