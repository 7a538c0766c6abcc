import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { CursorQueryDto } from '../../http/dto/page-query.dto';
import { IsText, IsWhole, MayBeMissing } from '../../http/dto/rules';
import { ApiNextCursor } from '../../http/dto/next-cursor.decorator';
import { BatchDto } from './batch.dto';

/** Fewer than in other lists: the operations of each are counted. */
const MAX_BATCHES = 50;
const DEFAULT_BATCHES = 20;

/** Which batches are asked for. */
export class BatchesQueryDto extends CursorQueryDto {
  @ApiPropertyOptional({ description: 'Only those for this user.', example: 'jane' })
  @MayBeMissing()
  @IsText(64)
  username?: string;

  @ApiPropertyOptional({
    description: 'Batches of a page.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_BATCHES,
    default: DEFAULT_BATCHES,
    example: DEFAULT_BATCHES,
  })
  @IsWhole(1, MAX_BATCHES)
  limit: number = DEFAULT_BATCHES;
}

/** A page of batches, the newest first. */
export class BatchPageDto {
  @ApiProperty({ description: 'The batches of this page.', type: [BatchDto] })
  items!: BatchDto[];

  @ApiNextCursor()
  next_cursor!: string | null;
}
