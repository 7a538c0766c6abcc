import { ApiProperty } from '@nestjs/swagger';

/** A directory of the host that the service works in. */
export class RootDto {
  @ApiProperty({
    description: 'Path on the host; null for those who may not know it.',
    type: String,
    nullable: true,
    example: '/srv/storage',
  })
  path!: string | null;

  @ApiProperty({ description: 'Whether it can be used just now.', example: true })
  available!: boolean;

  @ApiProperty({ description: 'Why it cannot be used.', type: String, nullable: true, example: null })
  problem!: string | null;

  @ApiProperty({
    description: 'Bytes that are free.',
    type: 'integer',
    format: 'int64',
    nullable: true,
    example: 412316860416,
  })
  free_bytes!: number | null;

  @ApiProperty({
    description: 'Bytes that it holds at most.',
    type: 'integer',
    format: 'int64',
    nullable: true,
    example: 1099511627776,
  })
  total_bytes!: number | null;

  @ApiProperty({ description: 'Whether it is mounted read-only.', type: Boolean, nullable: true, example: true })
  read_only!: boolean | null;
}

/** A storage, and what can be done with its files. */
export class StorageDto extends RootDto {
  @ApiProperty({ description: 'How requests and records call it.', example: 'default' })
  name!: string;

  @ApiProperty({
    description: 'Whether its files can be hard-linked into user areas; null when that is not known yet.',
    type: Boolean,
    nullable: true,
    example: true,
  })
  hard_link!: boolean | null;

  @ApiProperty({
    description: 'Whether its files can be cloned into user areas; null when that is not known yet.',
    type: Boolean,
    nullable: true,
    example: false,
  })
  clone!: boolean | null;

  @ApiProperty({
    description: 'Why no hard links can be made.',
    type: String,
    nullable: true,
    example: null,
  })
  note!: string | null;
}
