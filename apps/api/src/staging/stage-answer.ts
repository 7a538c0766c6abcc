import { rawFromText, showPathAs } from '@app/files';
import { type StagingRecord } from '@app/records';
import { operationDto } from '../records/operation-dto';
import { type StageAnswerDto } from './dto/stage-answer.dto';

/**
 * The answer for an operation that went well. `viewPrefix`: the user area as users see it, where the site tells;
 * `downloadUrl`: where the result can be fetched, if it is to be.
 */
export function stageAnswer(
  record: StagingRecord,
  viewPrefix: string | undefined,
  downloadUrl: string | null,
): StageAnswerDto {
  const { username, method, outcome } = record;
  const message =
    outcome === 'already_present'
      ? `Data already available at ${pathBelowArea(record, viewPrefix)}`
      : `Data staged for user ${username} with method ${method}`;
  return { status: 'success', message, operation: operationDto(record, downloadUrl) };
}

/** The record has the path as the user sees it; the message tells it as requests do. */
function pathBelowArea({ stagedPath, username, nameEncoding }: StagingRecord, viewPrefix: string | undefined): string {
  const path = stagedPath ?? '';
  if (viewPrefix === undefined) return path;
  const area = showPathAs(rawFromText(`${viewPrefix.replaceAll('{username}', username)}/`), nameEncoding).text;
  return path.startsWith(area) ? path.slice(area.length) : path;
}
