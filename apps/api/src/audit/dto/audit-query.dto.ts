import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { type AuditDecision } from '@app/records';
import { PeriodQueryDto } from '../../http/dto/page-query.dto';
import { IsText, MayBeMissing } from '../../http/dto/rules';

const DECISIONS: AuditDecision[] = ['allowed', 'denied', 'failed'];

/** Which entries of the audit are asked for. */
export class AuditQueryDto extends PeriodQueryDto {
  @ApiPropertyOptional({ description: 'Only those of this caller, as the entries name it.', example: 'https://iam#5f' })
  @MayBeMissing()
  @IsText(255)
  caller?: string;

  @ApiPropertyOptional({ description: 'Only those for this user.', example: 'jane' })
  @MayBeMissing()
  @IsText(64)
  username?: string;

  @ApiPropertyOptional({ description: 'Only those that were decided so.', enum: DECISIONS, example: 'denied' })
  @MayBeMissing()
  @IsIn(DECISIONS, { message: `must be one of ${DECISIONS.join(', ')}` })
  decision?: AuditDecision;

  @ApiPropertyOptional({
    description: 'Only those about this operation.',
    example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70',
  })
  @MayBeMissing()
  @IsText(64)
  operation_id?: string;
}
