import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import { type Request, type Response } from 'express';
import { AuditRepository } from '@app/records';
import { Access } from '../auth/access.decorator';
import { ApiErrors } from '../http/api-errors.decorator';
import { CSV_TYPE } from '../http/csv';
import { streamText } from '../http/plain-text';
import { auditEntryDto, auditTable } from './audit-export';
import { AuditPageDto } from './dto/audit-entry.dto';
import { AuditQueryDto } from './dto/audit-query.dto';

/** Who asked what for whom, from where, and how it was decided. */
@ApiTags('audit')
@Access('operator')
@Controller('audit')
export class AuditController {
  constructor(private readonly audit: AuditRepository) {}

  @Get()
  @ApiOperation({
    operationId: 'listAudit',
    summary: 'Read the audit',
    description:
      'Every request that changed something, handed data out or read what is of all users, and every one that was denied; newest first. With `Accept: text/csv` all entries that fit as one table (RFC 4180); then `limit` and `cursor` have no effect.',
  })
  @ApiExtraModels(AuditPageDto)
  @ApiOkResponse({
    description: 'A page of the audit; as a table all of it.',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(AuditPageDto) } },
      'text/csv': {
        schema: { type: 'string', description: 'A line for each entry, the names of the columns first.' },
        example: 'time,caller,caller_name,...\r\n2026-02-01T12:00:01.250Z,https://iam.example.org/#5f1c,jane,...\r\n',
      },
    },
  })
  @ApiErrors({ path: '/audit', codes: ['validation_failed', 'database_unavailable'] })
  async list(
    @Query() { limit, cursor, operation_id: operationId, ...rest }: AuditQueryDto,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const filter = { operationId, ...rest };
    response.vary('Accept');
    if (request.accepts(['json', 'csv']) === 'csv') {
      response.attachment('audit.csv');
      return streamText(response, auditTable(this.audit.each(filter)), CSV_TYPE);
    }
    const page = await this.audit.page(filter, limit, cursor);
    const answer: AuditPageDto = { items: page.items.map(auditEntryDto), next_cursor: page.nextCursor };
    response.json(answer);
  }
}
