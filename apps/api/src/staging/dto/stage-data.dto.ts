import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsObject, ValidateNested } from 'class-validator';
import { IsText, MayBeMissing } from '../../http/dto/rules';
import { ChecksumDto } from './checksum.dto';

const IF_EXISTS = ['skip', 'fail'] as const;

/** What is staged, and where to. */
export class StageDataDto {
  @ApiProperty({
    description:
      'A file or directory of the storage: absolute, or relative to the first storage or to the one that `storage` names. At most 4096 bytes, 255 a segment. Symbolic links are resolved and must stay inside the storage.',
    example: 'obs/42.fits',
  })
  @IsText()
  local_path_on_storage!: string;

  @ApiPropertyOptional({
    description:
      'Where it goes: relative to the user area, naming the result; with `/` at its end into that directory, under the name that the source has. Needed by all methods but `direct_download`, which has no destination.',
    example: 'project/42.fits',
  })
  @MayBeMissing()
  @IsText()
  relative_path?: string;

  @ApiPropertyOptional({
    description: 'Name of the storage in which a relative source lies; the first when missing.',
    example: 'default',
  })
  @MayBeMissing()
  @IsText(64)
  storage?: string;

  @ApiPropertyOptional({
    description: 'What the file is expected to have, such as a catalogue says; compared before the data appears.',
    type: ChecksumDto,
  })
  @MayBeMissing()
  @IsObject({ message: 'must be an object' })
  @ValidateNested()
  @Type(() => ChecksumDto)
  checksum?: ChecksumDto;

  @ApiPropertyOptional({
    description:
      'What happens when the destination is there already: `skip` succeeds and touches nothing, `fail` is an error.',
    enum: IF_EXISTS,
    default: 'skip',
    example: 'skip',
  })
  @IsIn(IF_EXISTS, { message: `must be one of ${IF_EXISTS.join(', ')}` })
  if_exists: 'skip' | 'fail' = 'skip';

  @ApiPropertyOptional({
    description: 'Any words, kept in the record to find it again.',
    maxLength: 200,
    example: 'night of 2026-02-01',
  })
  @MayBeMissing()
  @IsText(200)
  label?: string;

  @ApiPropertyOptional({
    description:
      'With `percent` both paths are percent-encoded bytes: for names that are not UTF-8. Without it they are plain text, in which `%` is an ordinary character.',
    enum: ['percent'],
    example: 'percent',
  })
  @MayBeMissing()
  @IsIn(['percent'], { message: 'must be percent, or missing' })
  name_encoding?: 'percent';
}
