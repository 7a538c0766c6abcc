import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { PageQueryDto } from '../../http/dto/page-query.dto';
import { IsText, IsTime, MayBeMissing } from '../../http/dto/rules';
import { STATUSES } from './operation.dto';

/** Which operations are asked for. */
export class OperationsQueryDto extends PageQueryDto {
  @ApiPropertyOptional({ description: 'Only those in this state.', enum: STATUSES, example: 'failure' })
  @MayBeMissing()
  @IsIn(STATUSES, { message: `must be one of ${STATUSES.join(', ')}` })
  status?: (typeof STATUSES)[number];

  @ApiPropertyOptional({
    description: 'Only those of this method, by its name or an older spelling.',
    example: 'local_copy',
  })
  @MayBeMissing()
  @IsText(64)
  method?: string;

  @ApiPropertyOptional({ description: 'Only those for this user.', example: 'jane' })
  @MayBeMissing()
  @IsText(64)
  username?: string;

  @ApiPropertyOptional({ description: 'Only those of this batch.', example: '01981f7e-0000-7d4e-9a3b-2f6d8c1e5a70' })
  @MayBeMissing()
  @IsText(64)
  batch_id?: string;

  @ApiPropertyOptional({
    description: 'Only those with this text in a path, the label or the reason of the failure. No pattern.',
    example: '42.fits',
  })
  @MayBeMissing()
  @IsText(1000)
  q?: string;

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
