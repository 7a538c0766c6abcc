import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { type Caller } from '@app/auth';
import { LogReader } from '@app/logging';
import { ManifestRepository, OperationRepository } from '@app/records';
import { MethodRegistry } from '@app/staging';
import { Access, SignedIn } from '../auth/access.decorator';
import { visibleTo } from '../auth/ownership';
import { ApiErrors } from '../http/api-errors.decorator';
import { PageQueryDto } from '../http/dto/page-query.dto';
import { hangUpSignal } from '../http/hang-up-signal';
import { streamText, wantsText } from '../http/plain-text';
import { LogPageDto } from '../logs/dto/log-page.dto';
import { AttemptsDto } from './dto/attempt.dto';
import { ManifestPageDto, ManifestQueryDto } from './dto/manifest.dto';
import { OperationIdDto } from './dto/operation-id.dto';
import { OperationPageDto } from './dto/operation-page.dto';
import { OperationDto } from './dto/operation.dto';
import { OperationsQueryDto } from './dto/operations-query.dto';
import { manifestText } from './manifest-text';
import { attemptDto, manifestFileDto } from './operation-dto';
import { OperationFinder } from './operation-finder';
import { OperationViews } from './operation-views';

/** What became of operations. */
@ApiTags('operations')
@Access('signed-in')
@Controller('operations')
export class OperationsController {
  constructor(
    private readonly records: OperationRepository,
    private readonly finder: OperationFinder,
    private readonly views: OperationViews,
    private readonly manifest: ManifestRepository,
    private readonly methods: MethodRegistry,
    private readonly logs: LogReader,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'listOperations', summary: 'List operations', description: 'Newest first.' })
  @ApiOkResponse({ description: 'A page of operations.', type: OperationPageDto })
  @ApiErrors({ path: '/operations', codes: ['validation_failed', 'database_unavailable'] })
  async list(@Query() query: OperationsQueryDto, @SignedIn() caller: Caller): Promise<OperationPageDto> {
    const { limit, cursor, method, batch_id: batchId, username, ...filter } = query;
    const name = method === undefined ? undefined : (this.methods.find(method)?.name ?? method);
    const page = await this.records.page(
      { ...filter, ...visibleTo(caller, username), method: name, batchId },
      limit,
      cursor,
    );
    const items = await Promise.all(page.items.map((record) => this.views.of(record)));
    return { items, next_cursor: page.nextCursor };
  }

  @Get(':id')
  @ApiOperation({ operationId: 'getOperation', summary: 'Look at one operation' })
  @ApiOkResponse({ description: 'The operation as it is now.', type: OperationDto })
  @ApiErrors({ path: '/operations/01981f7e', codes: ['not_found', 'database_unavailable'] })
  async get(@Param() { id }: OperationIdDto, @SignedIn() caller: Caller): Promise<OperationDto> {
    return this.views.of(await this.finder.find(id, caller));
  }

  @Get(':id/attempts')
  @ApiOperation({
    operationId: 'listOperationAttempts',
    summary: 'List the earlier attempts of an operation',
    description: 'How each attempt before the present one ended: empty for one that was tried once.',
  })
  @ApiOkResponse({ description: 'The attempts.', type: AttemptsDto })
  @ApiErrors({ path: '/operations/01981f7e/attempts', codes: ['not_found', 'database_unavailable'] })
  async attempts(@Param() { id }: OperationIdDto, @SignedIn() caller: Caller): Promise<AttemptsDto> {
    const { history } = await this.finder.find(id, caller);
    return { items: (history ?? []).map(attemptDto) };
  }

  @Get(':id/files')
  @ApiOperation({
    operationId: 'listOperationFiles',
    summary: 'List what an operation staged',
    description:
      'The manifest: a row for each file and kept link. With `Accept: text/plain` the whole of it as a checksum file: `sha256sum --check` or `md5sum --check` reads it, other algorithms are told as tagged lines.',
  })
  @ApiExtraModels(ManifestPageDto)
  @ApiOkResponse({
    description: 'A page of the manifest; as text the whole manifest.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(ManifestPageDto) } },
      'text/plain': {
        schema: { type: 'string', description: 'A line for each file that has a checksum.' },
        example: 'XXH3 (night1/42.fits) = 2d06800538d394c2\n',
      },
    },
  })
  @ApiErrors({ path: '/operations/01981f7e/files', codes: ['validation_failed', 'not_found', 'database_unavailable'] })
  async files(
    @Param() { id }: OperationIdDto,
    @Query() { status, limit, cursor }: ManifestQueryDto,
    @SignedIn() caller: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    await this.finder.find(id, caller);
    if (wantsText(request, response)) return streamText(response, manifestText(this.manifest.each(id)));
    const page = await this.manifest.page(id, { status, limit, cursor });
    const answer: ManifestPageDto = { items: page.items.map(manifestFileDto), next_cursor: page.nextCursor };
    response.json(answer);
  }

  @Get(':id/log')
  @ApiOperation({
    operationId: 'getOperationLog',
    summary: 'Read the log of an operation',
    description: 'Newest first. A page may be shorter than `limit`, or empty, and still have a `next_cursor`.',
  })
  @ApiOkResponse({ description: 'A page of log entries.', type: LogPageDto })
  @ApiErrors({ path: '/operations/01981f7e/log', codes: ['validation_failed', 'not_found', 'database_unavailable'] })
  async log(
    @Param() { id }: OperationIdDto,
    @Query() query: PageQueryDto,
    @SignedIn() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<LogPageDto> {
    await this.finder.find(id, caller);
    const page = await this.logs.page({ operationId: id, ...query }, hangUpSignal(response));
    return { items: page.items, next_cursor: page.nextCursor };
  }
}
