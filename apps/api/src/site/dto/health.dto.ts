import { ApiProperty } from '@nestjs/swagger';

const STATES = ['up', 'down'] as const;
export type HealthState = (typeof STATES)[number];

/** Answer of `GET /ping`. */
export class PingDto {
  @ApiProperty({ description: 'Always `UP`.', example: 'UP' })
  status!: 'UP';

  @ApiProperty({ description: 'Version of the service.', example: '0.1.0' })
  version!: string;
}

/** Answer of `GET /health/live`. */
export class LiveDto {
  @ApiProperty({ description: 'Always `up`: a process that is not does not answer.', example: 'up' })
  status!: 'up';
}

/** One thing that the service depends on. */
export class CheckDto {
  @ApiProperty({ description: 'Whether it can be used.', enum: STATES, example: 'up' })
  status!: HealthState;

  @ApiProperty({ description: 'What is wrong.', type: String, nullable: true, example: null })
  detail!: string | null;
}

/** One storage. */
export class StorageCheckDto extends CheckDto {
  @ApiProperty({ description: 'Name of the storage.', example: 'default' })
  name!: string;
}

/** The service behind a method. */
export class MethodCheckDto extends CheckDto {
  @ApiProperty({ description: 'Name of the method.', example: 'jupyter_copy' })
  name!: string;
}

/** All that the service depends on. */
export class ChecksDto {
  @ApiProperty({ description: 'The process itself: `down` while it stops.', type: CheckDto })
  service!: CheckDto;

  @ApiProperty({ description: 'The database.', type: CheckDto })
  database!: CheckDto;

  @ApiProperty({ description: 'The storages.', type: [StorageCheckDto] })
  storages!: StorageCheckDto[];

  @ApiProperty({ description: 'The user areas.', type: CheckDto })
  user_areas!: CheckDto;

  @ApiProperty({
    description:
      'The queue. Where the work is done in the same process (no `REDIS_URL`) always `up`; one that has no workers is `up` as well, with a warning.',
    type: CheckDto,
  })
  queue!: CheckDto;

  @ApiProperty({
    description:
      'Services behind methods, such as the JupyterHub, as they were seen a few seconds ago. One that is `down` makes `status` not `down`, since the other methods work.',
    type: [MethodCheckDto],
  })
  methods!: MethodCheckDto[];
}

/** Answer of `GET /health/ready`. */
export class ReadyDto {
  @ApiProperty({ description: '`up` when each check is, those of `methods` left aside.', enum: STATES, example: 'up' })
  status!: HealthState;

  @ApiProperty({ description: 'What was looked at.', type: ChecksDto })
  checks!: ChecksDto;

  @ApiProperty({
    description: 'What does not keep the service from working, but should be known.',
    type: [String],
    example: ['The storage "default" is on another file system or mount than the user areas: no hard links.'],
  })
  warnings!: string[];
}
