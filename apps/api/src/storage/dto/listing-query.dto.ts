import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { MAX_LIMIT, PageQueryDto } from '../../http/dto/page-query.dto';
import { IsText, IsUsername, IsWhole, MayBeMissing } from '../../http/dto/rules';

const DEFAULT_ENTRIES = 100;

/** Which directory is asked for. */
export class ListingQueryDto extends PageQueryDto {
  @ApiPropertyOptional({
    description: 'Entries of a page.',
    type: 'integer',
    minimum: 1,
    maximum: MAX_LIMIT,
    default: DEFAULT_ENTRIES,
    example: 100,
  })
  @IsWhole(1, MAX_LIMIT)
  override limit: number = DEFAULT_ENTRIES;

  @ApiPropertyOptional({ description: 'The directory; the top when empty or missing.', default: '', example: 'obs' })
  @IsText()
  path: string = '';

  @ApiPropertyOptional({
    description: 'With `percent` the path is percent-encoded bytes, besides the encoding that any address needs.',
    enum: ['percent'],
    example: 'percent',
  })
  @MayBeMissing()
  @IsIn(['percent'], { message: 'must be percent, or missing' })
  name_encoding?: 'percent';
}

/** Which directory of which storage is asked for. */
export class StorageQueryDto extends ListingQueryDto {
  @ApiPropertyOptional({
    description:
      'Name of the storage. Without it and without a path the storages themselves are listed; a relative path is one of the first then.',
    example: 'default',
  })
  @MayBeMissing()
  @IsText(64)
  storage?: string;

  @ApiPropertyOptional({
    description:
      'For whom somebody looks who may ask for others; else it is the caller. It matters where the site lets users see only what they could read themselves (`source_access` of `/config`).',
    example: 'jane',
  })
  @MayBeMissing()
  @IsUsername()
  username?: string;
}
