import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { PeriodQueryDto } from '../../http/dto/page-query.dto';
import { IsText, MayBeMissing } from '../../http/dto/rules';
import { STATUSES } from './operation.dto';

/** Which operations are asked for. */
export class OperationsQueryDto extends PeriodQueryDto {
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
}
