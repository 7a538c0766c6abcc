import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { type LogEntry, type LogLevel } from '@app/logging';
import { ApiNextCursor } from '../../http/dto/next-cursor.decorator';

export const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const satisfies LogLevel[];

/** One line of the log; besides these fields it has those of what happened. */
export class LogEntryDto {
  @ApiProperty({ description: 'When it was written (UTC).', format: 'date-time', example: '2026-02-01T12:00:01.250Z' })
  time!: string;

  @ApiProperty({ description: 'How grave it is.', enum: LEVELS, example: 'INFO' })
  level!: LogLevel;

  @ApiProperty({ description: 'What happened.', example: 'Staged' })
  message!: string;

  @ApiProperty({
    description: 'The operation that it belongs to.',
    required: false,
    format: 'uuid',
    example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70',
  })
  operation_id?: string;
}

/** A page of the log, the newest entry first. */
@ApiExtraModels(LogEntryDto)
export class LogPageDto {
  @ApiProperty({
    description: 'The entries of this page.',
    type: 'array',
    items: { allOf: [{ $ref: getSchemaPath(LogEntryDto) }], additionalProperties: true },
  })
  items!: LogEntry[];

  @ApiNextCursor('at the end of the log')
  next_cursor!: string | null;
}
