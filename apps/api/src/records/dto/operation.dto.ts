import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { ChecksumDto } from '../../staging/dto/checksum.dto';

export const STATUSES = ['queued', 'running', 'success', 'failure', 'cancelled'] as const;
export const KINDS = ['file', 'directory'] as const;
export const OUTCOMES = ['staged', 'already_present'] as const;
export const LINKS = ['hard', 'symbolic', 'clone'] as const;

function Text(description: string, example: string | null, more: ApiPropertyOptions = {}): PropertyDecorator {
  return ApiProperty({ type: String, nullable: true, description, example, ...more });
}

function Count(description: string, example: number | null): PropertyDecorator {
  return ApiProperty({ type: 'integer', format: 'int64', nullable: true, description, example });
}

function Time(description: string, example: string | null): PropertyDecorator {
  return ApiProperty({ type: String, format: 'date-time', nullable: true, description, example });
}

/** The record of an operation. Paths are percent-encoded where `name_encoding` says so. */
export class OperationDto {
  @ApiProperty({
    description: 'Id of the operation (UUIDv7).',
    format: 'uuid',
    example: '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70',
  })
  id!: string;

  @ApiProperty({ description: 'The method by its name; for an unknown one, as it was sent.', example: 'local_copy' })
  method!: string;

  @ApiProperty({ description: 'The user for whom data is staged.', example: 'jane' })
  username!: string;

  @Text('Who asked, where sign-in tells.', null)
  requested_by!: string | null;

  @Text('The storage of the source; null as long as it is not known.', 'default')
  storage!: string | null;

  @Text('The source as it was sent.', 'obs/42.fits')
  local_path_on_storage!: string | null;

  @Text('The destination as it was sent; null for methods that have none.', 'project/42.fits')
  relative_path!: string | null;

  @Text('Where the data is, as its user sees it.', 'project/42.fits')
  staged_path!: string | null;

  @Text('`percent` when the paths of this record are percent-encoded bytes.', null, { enum: ['percent'] })
  name_encoding!: 'percent' | null;

  @Text('What was staged.', 'file', { enum: [...KINDS] })
  kind!: (typeof KINDS)[number] | null;

  @ApiProperty({ description: 'How far it is, or how it ended.', enum: STATUSES, example: 'success' })
  status!: (typeof STATUSES)[number];

  @Text('For a success: whether data was staged or was there already.', 'staged', { enum: [...OUTCOMES] })
  outcome!: (typeof OUTCOMES)[number] | null;

  @Text('For a failure: its code.', null)
  error_code!: string | null;

  @Text('For a failure: what happened. For a cancelled operation: why it was.', null)
  error_reason!: string | null;

  @ApiProperty({
    description: 'For a failure or a cancelled operation: whether it may be tried again.',
    type: Boolean,
    nullable: true,
    example: null,
  })
  retryable!: boolean | null;

  @Text('What the user should know although all went well.', null)
  warning!: string | null;

  @Count('Files and kept links to stage; directories are not counted.', 1)
  files_total!: number | null;

  @Count('Files and kept links staged so far.', 1)
  files_done!: number | null;

  @Count('Bytes to stage.', 2880)
  bytes_total!: number | null;

  @Count('Bytes staged so far.', 2880)
  bytes_done!: number | null;

  @ApiProperty({
    description: 'The checksum of a file, as it was verified.',
    type: ChecksumDto,
    nullable: true,
    example: { algorithm: 'xxh3', value: '2d06800538d394c2' },
  })
  checksum!: ChecksumDto | null;

  @Text('How the data is linked to the storage; null for a copy.', null, { enum: [...LINKS] })
  link!: (typeof LINKS)[number] | null;

  @ApiProperty({
    description: 'For `already_present`: whether what is there agrees with the source; null when that is not known.',
    type: Boolean,
    nullable: true,
    example: null,
  })
  matches_source!: boolean | null;

  @ApiProperty({
    description: 'How often it was tried, from 1; `GET /operations/{id}/attempts` tells of those before.',
    type: 'integer',
    example: 1,
  })
  attempts!: number;

  @Text('The label of the request.', 'night of 2026-02-01')
  label!: string | null;

  @Text('The batch that the operation belongs to.', null)
  batch_id!: string | null;

  @Text('The named Jupyter server that was asked for.', null)
  server!: string | null;

  @Count('Bytes a second just now, while it runs.', null)
  bytes_per_second!: number | null;

  @Count('Seconds that it still takes, as far as that can be told while it runs.', null)
  eta_seconds!: number | null;

  @Text('The file of a directory that is staged just now, relative to the directory.', null)
  current_path!: string | null;

  @Text('What it waits for: its turn, a limit, the next attempt, a server that starts.', null)
  wait_reason!: string | null;

  @Text(
    'Where the data can be downloaded, for `direct_download`: in the answer to `POST /stage_data` alone. `POST /operations/{id}/download-url` gives a fresh one.',
    null,
  )
  download_url!: string | null;

  @Time('When it was asked for.', '2026-02-01T12:00:00.000Z')
  created_at!: string | null;

  @Time('When it began.', '2026-02-01T12:00:00.000Z')
  started_at!: string | null;

  @Time('When it ended.', '2026-02-01T12:00:01.250Z')
  finished_at!: string | null;

  @Time('When what was staged was removed again.', null)
  released_at!: string | null;

  @Time('Until when the data can be downloaded.', null)
  expires_at!: string | null;
}
