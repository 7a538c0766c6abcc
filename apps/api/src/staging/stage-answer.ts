import { rawFromText, showPathAs } from '@app/files';
import { type StagingRecord } from '@app/records';
import { type OperationDto } from '../records/dto/operation.dto';
import { type StageAnswerDto } from './dto/stage-answer.dto';

/**
 * The answer for an operation that went well, or that has not ended. `viewPrefix`: the user area as users see it, where
 * the site tells.
 */
export function stageAnswer(
  record: StagingRecord,
  operation: OperationDto,
  viewPrefix: string | undefined,
): StageAnswerDto {
  const { username, method, outcome, status } = record;
  const whom = `for user ${username} with method ${method}`;
  if (status !== 'success') return { status: 'accepted', message: `Accepted: data is staged ${whom}`, operation };
  const message =
    outcome === 'already_present'
      ? `Data already available at ${pathBelowArea(record, viewPrefix)}`
      : `Data staged ${whom}`;
  return { status: 'success', message, operation };
}

/** The record has the path as the user sees it; the message tells it as requests do. */
function pathBelowArea({ stagedPath, username, nameEncoding }: StagingRecord, viewPrefix: string | undefined): string {
  const path = stagedPath ?? '';
  if (viewPrefix === undefined) return path;
  const area = showPathAs(rawFromText(`${viewPrefix.replaceAll('{username}', username)}/`), nameEncoding).text;
  return path.startsWith(area) ? path.slice(area.length) : path;
}
