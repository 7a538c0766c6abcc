import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn } from 'class-validator';
import { type LogLevel } from '@app/logging';
import { PageQueryDto } from '../../http/dto/page-query.dto';
import { IsText, MayBeMissing } from '../../http/dto/rules';
import { LEVELS } from './log-page.dto';

/** Which entries of the log are asked for. */
export class LogsQueryDto extends PageQueryDto {
  @ApiPropertyOptional({
    description: 'Only entries of this level, or graver ones; in either case.',
    enum: LEVELS,
    example: 'WARNING',
  })
  @MayBeMissing()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.toUpperCase() : value))
  @IsIn(LEVELS, { message: `must be one of ${LEVELS.join(', ')}` })
  level?: LogLevel;

  @ApiPropertyOptional({
    description: 'Only entries with this text in their message or another value. No pattern; case matters.',
    example: '42.fits',
  })
  @MayBeMissing()
  @IsText(1000)
  q?: string;

  @ApiPropertyOptional({
    description: 'Only entries of this operation.',
    example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70',
  })
  @MayBeMissing()
  @IsText(100)
  operation_id?: string;
}
