import { ApiProperty } from '@nestjs/swagger';

/** An attempt of an operation before the present one. */
export class AttemptDto {
  @ApiProperty({ description: 'From 1.', type: 'integer', example: 1 })
  attempt!: number;

  @ApiProperty({
    description: 'How it ended; `interrupted`: its process stopped or died.',
    enum: ['failure', 'cancelled', 'interrupted'],
    example: 'failure',
  })
  status!: 'failure' | 'cancelled' | 'interrupted';

  @ApiProperty({ description: 'Its code.', type: String, nullable: true, example: 'storage_unavailable' })
  error_code!: string | null;

  @ApiProperty({
    description: 'What happened.',
    type: String,
    nullable: true,
    example: 'The storage is not available (ENOTCONN). Try again later.',
  })
  error_reason!: string | null;

  @ApiProperty({
    description: 'When it began.',
    type: String,
    format: 'date-time',
    nullable: true,
    example: '2026-02-01T12:00:00.000Z',
  })
  started_at!: string | null;

  @ApiProperty({ description: 'When it ended.', format: 'date-time', example: '2026-02-01T12:00:30.250Z' })
  ended_at!: string;
}

/** The attempts of an operation before its present one. */
export class AttemptsDto {
  @ApiProperty({ description: 'Oldest first; the last twenty.', type: [AttemptDto] })
  items!: AttemptDto[];
}
