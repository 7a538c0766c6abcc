import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsText, IsTime, IsWhole, MayBeMissing } from './rules';

/** Entries of a page when the caller names no number, and at most. */
export const DEFAULT_LIMIT = 50;
export const MAX_LIMIT = 500;

/** Where a page of a list begins. */
export class CursorQueryDto {
  @ApiPropertyOptional({
    description: 'Where the page begins: `next_cursor` of the page before. It has no meaning of its own.',
    type: String,
    example: 'Zmlyc3QuZml0cw',
  })
  @MayBeMissing()
  @IsText(1000)
  cursor?: string;
}

/** Which page of a list. */
export class PageQueryDto extends CursorQueryDto {
  @ApiPropertyOptional({
    description: 'Entries of a page.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_LIMIT,
    default: DEFAULT_LIMIT,
    example: 50,
  })
  @IsWhole(1, MAX_LIMIT)
  limit: number = DEFAULT_LIMIT;
}

/** Which page of a list that is kept by time, and of which time. */
export class PeriodQueryDto extends PageQueryDto {
  @ApiPropertyOptional({
    description: 'Only those created at this time or later (ISO 8601; UTC where it has no offset).',
    type: String,
    format: 'date-time',
    example: '2026-02-01',
  })
  @MayBeMissing()
  @IsTime()
  from?: Date;

  @ApiPropertyOptional({
    description: 'Only those created before this time.',
    type: String,
    format: 'date-time',
    example: '2026-02-02T12:00:00Z',
  })
  @MayBeMissing()
  @IsTime()
  to?: Date;
}
