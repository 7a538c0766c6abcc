import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { type AuditDecision } from '@app/records';
import { PageQueryDto } from '../../http/dto/page-query.dto';
import { IsText, IsTime, MayBeMissing } from '../../http/dto/rules';

const DECISIONS: AuditDecision[] = ['allowed', 'denied', 'failed'];

/** Which entries of the audit are asked for. */
export class AuditQueryDto extends PageQueryDto {
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

  @ApiPropertyOptional({
    description: 'Only those made at this time or later (ISO 8601; UTC where it has no offset).',
    type: String,
    format: 'date-time',
    example: '2026-02-01',
  })
  @MayBeMissing()
  @IsTime()
  from?: Date;

  @ApiPropertyOptional({
    description: 'Only those made before this time.',
    type: String,
    format: 'date-time',
    example: '2026-02-02T12:00:00Z',
  })
  @MayBeMissing()
  @IsTime()
  to?: Date;
}
