import { Transform } from 'class-transformer';
import { IsIn, IsInt, Max, Min } from 'class-validator';
import { type LogLevel } from '@app/logging';
import { IsText, MayBeMissing } from '../../http/dto/rules';
import { LEVELS } from './log-page.dto';

/** Lines of before that come with a subscription when the client names no number, and at most. */
const DEFAULT_BACKLOG = 200;
const MAX_BACKLOG = 1000;

/** Which lines a client of the live log wants. */
export class SubscribeDto {
  @MayBeMissing()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.toUpperCase() : value))
  @IsIn(LEVELS, { message: `must be one of ${LEVELS.join(', ')}` })
  level?: LogLevel;

  @MayBeMissing()
  @IsText(1000)
  q?: string;

  @IsInt({ message: `must be a whole number from 0 to ${MAX_BACKLOG}` })
  @Min(0, { message: `must be a whole number from 0 to ${MAX_BACKLOG}` })
  @Max(MAX_BACKLOG, { message: `must be a whole number from 0 to ${MAX_BACKLOG}` })
  backlog: number = DEFAULT_BACKLOG;
}
