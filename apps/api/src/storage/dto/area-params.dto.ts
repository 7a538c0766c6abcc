import { ApiProperty } from '@nestjs/swagger';
import { IsUsername } from '../../http/dto/rules';

/** Whose area is asked for. */
export class AreaParamsDto {
  @ApiProperty({
    description: 'The user.',
    pattern: '^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$',
    example: 'jane',
  })
  @IsUsername()
  username!: string;
}
