import { ApiProperty } from '@nestjs/swagger';
import { Allow } from 'class-validator';
import { StageDataDto } from '../../staging/dto/stage-data.dto';

const EXAMPLE_BATCH = '01981f7e-6b1c-7d4e-9a3b-2f6d8c1e5a70';

/** What is asked for: many sources and destinations of one method for one user. */
export class BatchBodyDto {
  @ApiProperty({
    description:
      'The sources and destinations, each as in the body of `POST /stage_data`. At least one, at most as many as `GET /config` says (`limits.max_batch_items`).',
    type: [StageDataDto],
  })
  items!: StageDataDto[];
}

/** Which batch is asked for. */
export class BatchIdDto {
  // Not checked here: what is no id names no batch, which is a 404.
  @ApiProperty({ description: 'Id of the batch.', format: 'uuid', example: EXAMPLE_BATCH })
  @Allow()
  id!: string;
}

/** A batch that was taken on. */
export class BatchAcceptedDto {
  @ApiProperty({
    description: 'Id of the batch; its operations name it as `batch_id`.',
    format: 'uuid',
    example: EXAMPLE_BATCH,
  })
  batch_id!: string;

  @ApiProperty({
    description:
      'Number of its items, each of which is an operation now. Some may have failed already, by their paths.',
    type: 'integer',
    example: 10_000,
  })
  accepted!: number;
}

/** How many operations of a batch have each status. */
export class BatchCountsDto {
  @ApiProperty({ description: 'Wait for their turn.', type: 'integer', example: 9_000 })
  queued!: number;

  @ApiProperty({ description: 'Run now.', type: 'integer', example: 4 })
  running!: number;

  @ApiProperty({ description: 'Went well, or were there already.', type: 'integer', example: 994 })
  success!: number;

  @ApiProperty({ description: 'Failed; `POST /batches/<id>/retry` tries them again.', type: 'integer', example: 2 })
  failure!: number;

  @ApiProperty({ description: 'Were cancelled.', type: 'integer', example: 0 })
  cancelled!: number;
}

/** How a batch stands. */
export class BatchDto {
  @ApiProperty({ description: 'Id of the batch.', format: 'uuid', example: EXAMPLE_BATCH })
  batch_id!: string;

  @ApiProperty({ description: 'The staging method of all its operations.', example: 'local_copy' })
  method!: string;

  @ApiProperty({ description: 'The user for whom the data is staged.', example: 'jane' })
  username!: string;

  @ApiProperty({ description: 'Its operations by status; as they were a second ago at most.', type: BatchCountsDto })
  counts!: BatchCountsDto;

  @ApiProperty({
    description: 'Bytes of the operations whose size is known: those that run or have ended.',
    type: 'integer',
    format: 'int64',
    example: 52_428_800,
  })
  bytes_total!: number;

  @ApiProperty({
    description: 'Bytes of these that have been brought.',
    type: 'integer',
    format: 'int64',
    example: 41_943_040,
  })
  bytes_done!: number;

  @ApiProperty({ description: 'When it was asked for.', format: 'date-time', example: '2026-02-01T12:00:00.000Z' })
  created_at!: string;

  @ApiProperty({
    description: 'When its last operation ended; null as long as one has not.',
    type: String,
    format: 'date-time',
    nullable: true,
    example: null,
  })
  finished_at!: string | null;
}
